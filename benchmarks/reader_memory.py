"""Peak memory of a process that opens a channel of many images, or reads a pass of a pipe, by form and size.

Every form has the same small images with eight boxes each, at a tenth of the images and at all of them, each in a
process of its own. Memory of a file that is mapped (`.rec`) is the kernel's to take back and does not count. For a
pipe, a whole epoch of batches with the default shuffle buffer is read, with one worker process.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from gluon_ssd.data.annotated_folder import AnnotatedFolder
from gluon_ssd.data.batches import BatchForm
from gluon_ssd.data.channel_files import ChannelFolder
from gluon_ssd.data.fifo import Patience
from gluon_ssd.data.manifest import ManifestDataset
from gluon_ssd.data.recordio import pack, write_record
from gluon_ssd.data.recordio_pipe import LabelLimits, RecordPipe
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.data.sample import Sample
from gluon_ssd.data.stream_batches import StreamedTrainingBatches
from gluon_ssd.data.stream_order import StreamOrder

SIDE = 32
BOXES = 8
LIMITS = LabelLimits(num_classes=1, label_width=350)
SHUFFLE_BUFFER = 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--read", nargs=2, metavar=("FORM", "FOLDER"), help="only read, and print the peak")
    options = parser.parse_args()
    if options.read:
        form, folder = options.read
        print(json.dumps(measured(FORMS[form][1], Path(folder))))
        return
    print(f"{'form':>14} {'images':>9} {'seconds':>8} {'peak MB':>8}")
    for form, (write, _) in FORMS.items():
        for images in (options.images // 10, options.images):
            with tempfile.TemporaryDirectory() as name:
                write(Path(name), images)
                command = [sys.executable, __file__, "--read", form, name]
                output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - ours
                seconds, peak = json.loads(output.splitlines()[-1])
            print(f"{form:>14} {images:>9,} {seconds:>8.1f} {peak / 1e6:>8.0f}", flush=True)


def measured(read: Callable[[Path], None], folder: Path) -> tuple[float, float]:
    """Return the seconds that reading takes, and the greatest memory of this process in bytes, mapped files aside."""
    command = [sys.executable, "-c", WATCHER, str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watcher:  # noqa: S603 - our own words
        if watcher.stdout is None:
            raise RuntimeError("watcher: expected its output")
        watcher.stdout.readline()  # now it watches
        started = time.perf_counter()
        read(folder)
        seconds = time.perf_counter() - started
        time.sleep(0.1)  # for a last look
        watcher.terminate()
        kilobytes = max(map(int, watcher.stdout.read().split()), default=0)
    return seconds, kilobytes * 1024


# Linux tells the peak of all memory, mapped files included, but not of anonymous memory alone: look often.
WATCHER = r"""
import re, sys, time
peak = 0
while True:
    found = re.search(r"RssAnon:\s+(\d+)", open(f"/proc/{sys.argv[1]}/status").read())
    peak = max(peak, int(found[1]) if found else 0)
    print(peak, flush=True)
    time.sleep(0.01)
"""


def write_records(folder: Path, images: int) -> None:
    """Write a channel of one RecordIO file."""
    (folder / "train").mkdir()
    corners = np.tile(np.array([[0, 0.1, 0.1, 0.5, 0.5, 0]], np.float32), (BOXES, 1))
    with (folder / "train" / "train.rec").open("wb") as stream:
        for number in range(images):
            write_record(stream, pack(Sample(picture(), corners), number))


def write_images(folder: Path, images: int) -> None:
    """Write a channel of images and one of JSON files."""
    for name in ("train", "train_annotation"):
        (folder / name).mkdir()
    text = json.dumps(annotation())
    for number in range(images):
        (folder / "train" / f"{number:07}.jpg").write_bytes(picture())
        (folder / "train_annotation" / f"{number:07}.json").write_text(text)


def write_manifest(folder: Path, images: int) -> None:
    """Write a channel of a manifest; all lines name one image."""
    (folder / "train").mkdir()
    (folder / "train" / "one.jpg").write_bytes(picture())
    line = json.dumps({"source-ref": "one.jpg", "boxes": annotation()})
    (folder / "train" / "train.manifest").write_text(f"{line}\n" * images)


def picture() -> bytes:
    """Return a small JPEG."""
    return cv2.imencode(".jpg", np.zeros((SIDE, SIDE, 3), np.uint8))[1].tobytes()


def annotation() -> dict[str, object]:
    """Return what the built-in's JSON says of it."""
    box = {"class_id": 0, "left": 3, "top": 3, "width": 13, "height": 13}
    return {"image_size": [{"width": SIDE, "height": SIDE, "depth": 3}], "annotations": [box] * BOXES}


def open_records(folder: Path) -> None:
    """Open RecordIO files, as a job does before it trains."""
    RecordIODataset.open(folder / "train", channel="train", num_classes=1, label_width=350)


def open_images(folder: Path) -> None:
    """Open images and JSON files, as a job does before it trains."""
    images, annotations = (ChannelFolder(name, folder / name) for name in ("train", "train_annotation"))
    AnnotatedFolder.open(images, annotations, num_classes=1, label_width=350)


def open_manifest(folder: Path) -> None:
    """Open a manifest, as a job does before it trains."""
    ManifestDataset.open(
        ChannelFolder("train", folder / "train"), folder, num_classes=1, label_width=350, attribute="", stopped=never
    )


def read_pipe(folder: Path) -> None:
    """Read an epoch of batches from a pipe."""
    pipe = RecordPipe(folder / "train", LIMITS, wrapped=False, patience=Patience(60, never))
    order = StreamOrder(range(1), 0, SHUFFLE_BUFFER)
    form = BatchForm("train", 32, SIDE)
    with (
        written(folder),
        StreamedTrainingBatches(pipe, form, order, augmentation="full", num_workers=1) as batches,
    ):
        for _ in batches.epoch(0):
            pass


def never() -> bool:
    """Say that no one has asked to stop."""
    return False


@contextmanager
def written(folder: Path) -> Iterator[None]:
    """Write the channel's file into its first FIFO, by another process."""
    os.mkfifo(folder / "train_0")
    command = ["/bin/sh", "-c", 'cat "$0" > "$1"', str(folder / "train" / "train.rec"), str(folder / "train_0")]
    with subprocess.Popen(command):  # noqa: S603 - our own words
        yield


FORMS: dict[str, tuple[Callable[[Path, int], None], Callable[[Path], None]]] = {
    "RecordIO file": (write_records, open_records),
    "image + JSON": (write_images, open_images),
    "manifest file": (write_manifest, open_manifest),
    "RecordIO pipe": (write_records, read_pipe),
}

if __name__ == "__main__":
    main()
