"""Images per second that input pipelines deliver to training, ours beside MXNet's, GluonCV's, and bare decoding.

All read the same photographs with the same boxes, do SSD's full augmentation, and hand over whole batches with padded
labels as MXNet arrays: ours uint8 (B, S, S, 3), which the device casts and transposes; the others float32 (B, 3, S, S),
GluonCV's normalized too. They run by turns, each for some seconds once it runs. Bare decoding is OpenCV in one thread
or two, all pixels exactly; draft decoding is what ours uses in training (the library's fast mode, without OpenCV);
scaled decoding is OpenCV at the factor that a whole image needs to stay as large as the output. Ours decodes some
images smaller, too, as their crops allow. The last lines are the ratios that we aim at, medians of the rounds' ratios.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core a pipeline's worker, whoever wrote it

import cv2
import mxnet as mx
import numpy as np
from gluoncv.data.batchify import Pad, Stack, Tuple
from gluoncv.data.transforms.presets.ssd import SSDDefaultTrainTransform
from numpy.typing import NDArray

from gluon_ssd.data import images
from gluon_ssd.data.batches import BatchForm, TrainingBatches
from gluon_ssd.data.recordio import pack, write_record
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.data.sample import Sample

OBJECTS = 5
LABEL_WIDTH = 350
ONE, TWO = "ours, 1 worker", "ours, 2 workers"
LEAST_ROUNDS = 3  # for ratios that mean something

Rates = dict[str, list[float]]


class Setting(NamedTuple):
    """Photographs of one size, and what they become."""

    height: int
    width: int
    images: int
    batch: int
    warm_up: int  # batches: what is loaded ahead while workers start must not count
    output: int
    shrinkage: int  # of scaled decoding

    def __str__(self) -> str:
        return f"{self.width}x{self.height} to {self.output}"


SETTINGS = (
    Setting(375, 500, images=64, batch=16, warm_up=2, output=300, shrinkage=1),
    Setting(375, 500, images=64, batch=16, warm_up=2, output=512, shrinkage=1),
    # Small batches, since some of the peers take a second and a half for an image.
    Setting(3000, 4000, images=8, batch=4, warm_up=1, output=300, shrinkage=8),
    Setting(3000, 4000, images=8, batch=4, warm_up=1, output=512, shrinkage=4),
)


def main() -> None:
    """Print a table for each setting, and the ratios last."""
    options = _options()
    ratios: dict[str, float] = {}
    for setting in SETTINGS[: 2 if options.small else None]:
        with tempfile.TemporaryDirectory() as folder:
            rates, shares = measure(setting, Path(folder), options.rounds, options.seconds)
        _print_table(setting, rates, shares)
        ratios |= _ratios(setting, rates)
    if options.rounds < LEAST_ROUNDS:
        print(f"no ratios of fewer than {LEAST_ROUNDS} rounds")
        return
    for name, ratio in ratios.items():
        print(f"ratio {name} {ratio:.2f}")


def measure(setting: Setting, folder: Path, rounds: int, seconds: float) -> tuple[Rates, list[float]]:
    """Return each pipeline's images per second in each round, and how much CPU the consumer of ours took to a worker's.

    The second is a share of the workers' CPU time, one for each round.
    """
    encoded = photographs(setting)
    boxes = objects(len(encoded))
    path = folder / "train.rec"
    with path.open("wb") as stream:
        for number, (image, rows) in enumerate(zip(encoded, boxes, strict=True)):
            write_record(stream, pack(Sample(image, rows), number, object_width=5))
    shares: list[float] = []
    pipelines: dict[str, Callable[[], Generator[int, None, None]]] = {
        ONE: lambda: ours(folder, setting, 1, shares),
        TWO: lambda: ours(folder, setting, 2, []),
        "ImageDetRecordIter, 1 thread": lambda: image_det_record_iter(path, setting, 1),
        "ImageDetRecordIter, 2 threads": lambda: image_det_record_iter(path, setting, 2),
        "GluonCV, 1 worker": lambda: gluoncv(encoded, boxes, setting, 1),
        "GluonCV, 2 workers": lambda: gluoncv(encoded, boxes, setting, 2),
        "bare decoding, 1 thread": lambda: decoding(encoded, 1),
        "bare decoding, 2 threads": lambda: decoding_in_two_threads(encoded),
        "draft decoding": lambda: draft_decoding(encoded),
        "scaled decoding": lambda: decoding(encoded, setting.shrinkage),
    }
    rates: Rates = {name: [] for name in pipelines}
    for _ in range(rounds):
        for name, pipeline in pipelines.items():
            rates[name].append(rate(pipeline(), setting.warm_up, seconds))
    return rates, shares


def rate(pipeline: Generator[int, None, None], warm_up: int, seconds: float) -> float:
    """Return images per second, of as many batches as come in so many seconds, at least one."""
    with closing(pipeline):
        for _ in range(warm_up):
            next(pipeline)
        started, images, elapsed = time.perf_counter(), 0, 0.0
        while elapsed < seconds:
            images += next(pipeline)
            elapsed = time.perf_counter() - started
        return images / elapsed


def ours(folder: Path, setting: Setting, workers: int, shares: list[float]) -> Generator[int, None, None]:
    """Yield batch sizes of this project's batches; at the end, add this process's share of the CPU time."""
    dataset = RecordIODataset.open(folder, channel="train", num_classes=OBJECTS, label_width=LABEL_WIDTH)
    form = BatchForm("train", setting.batch, setting.output)
    others = set(active_children())
    with TrainingBatches(dataset, form, augmentation="full", seed=1, num_workers=workers) as batches:
        processes = [process.pid or 0 for process in set(active_children()) - others]
        endless = (batch for epoch in range(1_000_000) for batch in batches.epoch(epoch))
        before = (0.0, 0.0)
        try:
            for number, batch in enumerate(endless):
                if number == setting.warm_up:
                    before = (time.process_time(), _cpu_seconds(processes))
                arrays = mx.nd.from_numpy(batch.images), mx.nd.from_numpy(batch.objects)
                mx.nd.waitall()
                yield len(arrays[0])
        finally:
            shares.append((time.process_time() - before[0]) / (_cpu_seconds(processes) - before[1]))


def _cpu_seconds(processes: list[int]) -> float:
    fields = [Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split() for process in processes]
    return sum(int(user) + int(system) for *_, user, system in (row[:13] for row in fields)) / os.sysconf("SC_CLK_TCK")


def image_det_record_iter(path: Path, setting: Setting, threads: int) -> Generator[int, None, None]:
    """Yield batch sizes of MXNet's iterator, with the augmentation of the built-in algorithm."""
    samplers = 5
    iterator = mx.io.ImageDetRecordIter(
        path_imgrec=str(path),
        batch_size=setting.batch,
        data_shape=(3, setting.output, setting.output),
        label_pad_width=LABEL_WIDTH,
        shuffle=True,
        preprocess_threads=threads,
        verbose=False,
        rand_mirror_prob=0.5,
        rand_crop_prob=5 / 6,
        num_crop_sampler=samplers,
        min_crop_scales=(0.3,) * samplers,
        max_crop_scales=(1.0,) * samplers,
        min_crop_aspect_ratios=(0.5,) * samplers,
        max_crop_aspect_ratios=(2.0,) * samplers,
        min_crop_overlaps=(0.1, 0.3, 0.5, 0.7, 0.9),
        max_crop_overlaps=(1.0,) * samplers,
        max_crop_trials=(25,) * samplers,
        crop_emit_mode="center",
        emit_overlap_thresh=0.3,
        rand_pad_prob=0.5,
        max_pad_scale=4.0,
        fill_value=127,
        random_hue_prob=0.5,
        max_random_hue=18,
        random_saturation_prob=0.5,
        max_random_saturation=32,
        random_illumination_prob=0.5,
        max_random_illumination=32,
        random_contrast_prob=0.5,
        max_random_contrast=0.5,
        inter_method=10,
        resize_mode="force",
    )
    while True:
        iterator.reset()
        for batch in iterator:
            batch.data[0].wait_to_read()
            batch.label[0].wait_to_read()
            yield setting.batch


class Photographs(mx.gluon.data.Dataset):  # type: ignore[misc]  # mxnet has no types
    """The photographs as GluonCV's transform takes them: a decoded image, and rows of corners in pixels and a class."""

    def __init__(self, encoded: list[bytes], boxes: list[NDArray[np.float32]], setting: Setting) -> None:
        self._encoded = encoded
        scale = (setting.width, setting.height, setting.width, setting.height)
        self._labels = [np.concatenate([rows[:, 1:5] * scale, rows[:, :1]], axis=1) for rows in boxes]

    def __len__(self) -> int:
        return len(self._encoded)

    def __getitem__(self, index: int) -> tuple[mx.nd.NDArray, NDArray[np.float64]]:
        return mx.image.imdecode(self._encoded[index]), self._labels[index]


def gluoncv(
    encoded: list[bytes], boxes: list[NDArray[np.float32]], setting: Setting, workers: int
) -> Generator[int, None, None]:
    """Yield batch sizes of GluonCV's transform in a `DataLoader`."""
    loader = mx.gluon.data.DataLoader(
        Photographs(encoded, boxes, setting).transform(SSDDefaultTrainTransform(setting.output, setting.output)),
        setting.batch,
        shuffle=True,
        batchify_fn=Tuple(Stack(), Pad(pad_val=-1)),
        last_batch="rollover",
        num_workers=workers,
    )
    while True:
        for pixels, labels in loader:
            pixels.wait_to_read()
            labels.wait_to_read()
            yield len(pixels)


def decoding(encoded: list[bytes], shrinkage: int) -> Generator[int, None, None]:
    """Yield one after each image that OpenCV has decoded in this thread."""
    flags = {1: cv2.IMREAD_COLOR, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}[shrinkage]
    cv2.setNumThreads(1)
    while True:
        for image in encoded:
            cv2.imdecode(np.frombuffer(image, np.uint8), flags)
            yield 1


def decoding_in_two_threads(encoded: list[bytes]) -> Generator[int, None, None]:
    """Yield how many images two threads have decoded, each as many."""
    with ThreadPoolExecutor(2) as pool:
        while True:
            list(pool.map(partial(_decode_all, encoded), range(2)))
            yield 2 * len(encoded)


def _decode_all(encoded: list[bytes], thread: int) -> int:
    """Decode all images once; return which thread did."""
    decoder = decoding(encoded, 1)
    for _image in encoded:
        next(decoder)
    return thread


def draft_decoding(encoded: list[bytes]) -> Generator[int, None, None]:
    """Yield one after each image that our decoder has decoded, as for training."""
    while True:
        for image in encoded:
            images.decode(image, draft=True)
            yield 1


def photographs(setting: Setting) -> list[bytes]:
    """Return JPEG of quality 95 with the detail of photographs: noise of every scale, most of it in the coarse ones."""
    return [_photograph(np.random.default_rng(seed), setting) for seed in range(setting.images)]


def _photograph(rng: np.random.Generator, setting: Setting) -> bytes:
    image = np.full((setting.height, setting.width, 3), 128, np.float32)
    for octave in range(1, 8):
        cells = rng.normal(0, 60 / octave**1.2, (2**octave + 1, 2**octave + 1, 3)).astype(np.float32)
        image += cv2.resize(cells, (setting.width, setting.height), interpolation=cv2.INTER_CUBIC)
    image += rng.normal(0, 2, image.shape).astype(np.float32)  # a sensor's
    _, encoded = cv2.imencode(".jpg", np.clip(image, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])
    return encoded.tobytes()


def objects(images: int) -> list[NDArray[np.float32]]:
    """Return boxes of middling size for each image, one of each class."""
    rng = np.random.default_rng(7)
    corners = rng.uniform(0, 0.65, (images, OBJECTS, 2))
    rows = np.concatenate([corners, corners + rng.uniform(0.1, 0.35, (images, OBJECTS, 2))], axis=2)
    classes = np.broadcast_to(np.arange(OBJECTS)[:, None], (images, OBJECTS, 1))
    difficult = np.zeros((images, OBJECTS, 1))
    return list(np.concatenate([classes, rows, difficult], axis=2).astype(np.float32))


def _ratios(setting: Setting, rates: Rates) -> dict[str, float]:
    """Return the ratios that are aimed at, for the settings that they are aimed at in."""
    pairs: dict[str, tuple[str, str]] = {}
    if setting == SETTINGS[0]:
        pairs = {
            "ours/gluoncv": (ONE, "GluonCV, 1 worker"),
            "ours2/gluoncv2": (TWO, "GluonCV, 2 workers"),
            "ours/imagedetrecorditer": (ONE, "ImageDetRecordIter, 1 thread"),
            "ours/decode": (ONE, "bare decoding, 1 thread"),
            "two/one": (TWO, ONE),
        }
    elif setting == SETTINGS[2]:
        pairs = {"ours/scaled-decode": (ONE, "scaled decoding")}
    return {
        name: statistics.median(mine / theirs for mine, theirs in zip(rates[ours], rates[peer], strict=True))
        for name, (ours, peer) in pairs.items()
    }


def _print_table(setting: Setting, rates: Rates, shares: list[float]) -> None:
    print(f"{setting}, batches of {setting.batch}, {len(shares)} rounds; images/s: median, least, most, to ours alone")
    one = statistics.median(rates[ONE])
    for name, values in rates.items():
        median = statistics.median(values)
        print(f"  {name:<30} {median:9.1f} {min(values):9.1f} {max(values):9.1f} {median / one:8.3f}")
    print(f"  CPU time of the consumer to a worker's: {statistics.median(shares):.1%}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="for each pipeline in each round, at least")
    parser.add_argument("--small", action="store_true", help="leave out the photographs of 12 megapixels")
    return parser.parse_args()


if __name__ == "__main__":
    main()
