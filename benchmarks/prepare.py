"""Images per second of `gluon-ssd prepare voc` beside MXNet's `im2rec.py --pack-label`, on the same folder.

Both write the same images with the same labels; a check compares the records. `prepare` also parses the XML files, of
which im2rec gets the list that `prepare` wrote, and decodes every image to see that it can be. im2rec decodes and
encodes each again, or with --pass-through copies it unseen. All run by turns, each in a process of its own, and again
on one image, which shows what starting costs. CPU seconds depend less than seconds on what else the machine does.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from gluon_ssd.tools.scenes import CLASS_NAMES, HEIGHT, WIDTH, paint_scene

SCENES = 40  # different ones; the others are copies of them
ROUNDS = 3
JOBS = (1, 2)


@dataclass(frozen=True)
class Command:
    """One of the programs with its options, run on a folder."""

    name: str
    jobs: int
    options: tuple[str, ...] = ()

    def run(self, source: Path) -> tuple[float, float]:
        """Return what it took, in seconds and in CPU seconds."""
        if self.name == "prepare voc":
            for path in source.glob("ours.*"):  # which it would not replace
                path.unlink()
            arguments = ["-m", "gluon_ssd.cli", "prepare", "voc", str(source), "--split", "train"]
            return _run(*arguments, "--jobs", str(self.jobs), "--output", str(source / "ours.rec"))
        # im2rec takes every list that begins as its prefix does.
        arguments = ["--pack-label", "--num-thread", str(self.jobs), *self.options]
        return _run(str(_im2rec()), *arguments, str(source / "theirs"), str(source))

    def __str__(self) -> str:
        return " ".join([self.name, *self.options, f"x {self.jobs}"])


COMMANDS = [
    Command(name, jobs, options)
    for name, options in (("prepare voc", ()), ("im2rec", ()), ("im2rec", ("--pass-through",)))
    for jobs in JOBS
]


def main() -> None:
    """Print the table."""
    images = _options().images
    with tempfile.TemporaryDirectory() as folder:
        one, everything = Path(folder, "one"), Path(folder, "all")
        for source, count in ((one, 1), (everything, images)):
            make_folder(source, count)
            COMMANDS[0].run(source)
            (source / "ours.lst").rename(source / "theirs.lst")
        print(
            f"{images} JPEGs of {WIDTH}x{HEIGHT}, {len(os.sched_getaffinity(0))} CPUs, load {os.getloadavg()[0]:.1f} "
            f"at the start, medians of {ROUNDS} rounds"
        )
        rounds = [[measure(command, one, everything) for command in COMMANDS] for _ in range(ROUNDS)]
    print(f"{'':28} {'one image':>10} {'all':>8} {'images/s':>9} {'CPU s':>7} {'images/CPU s':>13}")
    for command, *taken in zip(COMMANDS, *rounds, strict=True):
        start, wall, cpu = (statistics.median(values) for values in zip(*taken, strict=True))
        print(f"{command!s:28} {start:8.2f} s {wall:6.2f} s {images / wall:9.0f} {cpu:7.2f} {images / cpu:13.0f}")


def measure(command: Command, one: Path, everything: Path) -> tuple[float, float, float]:
    """Return the seconds for one image, for all, and the CPU seconds for all."""
    start, _ = command.run(one)
    wall, cpu = command.run(everything)
    if command.options:
        check(everything)
    return start, wall, cpu


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=4000)
    return parser.parse_args()


def make_folder(root: Path, images: int) -> None:
    """Write a PASCAL VOC folder of generated scenes."""
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / part).mkdir(parents=True)
    scenes = [scene(number) for number in range(min(SCENES, images))]
    names = [f"{number:06d}" for number in range(images)]
    for number, name in enumerate(names):
        content, annotation = scenes[number % SCENES]
        (root / "JPEGImages" / f"{name}.jpg").write_bytes(content)
        (root / "Annotations" / f"{name}.xml").write_text(annotation)
    (root / "ImageSets" / "Main" / "train.txt").write_text("\n".join(names))


def scene(number: int) -> tuple[bytes, str]:
    """Return a JPEG and its annotation."""
    picture, rows = paint_scene(np.random.default_rng(number))
    content = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
    objects = ""
    for label, *corners, _ in rows.tolist():
        xmin, ymin, xmax, ymax = (np.array(corners) * (WIDTH, HEIGHT, WIDTH, HEIGHT) + (1, 1, 0, 0)).round().astype(int)
        objects += (
            f"<object><name>{CLASS_NAMES[int(label)]}</name><difficult>0</difficult><bndbox><xmin>{xmin}</xmin>"
            f"<ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>"
        )
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
    return content, f"<annotation>{size}{objects}</annotation>"


def check(source: Path) -> None:
    """Compare the records of both, label by label and byte by byte."""
    import mxnet as mx  # noqa: PLC0415 - takes a second, and is not measured

    readers = [mx.recordio.MXRecordIO(str(source / f"{name}.rec"), "r") for name in ("ours", "theirs")]
    while True:
        records = [reader.read() for reader in readers]
        if records == [None, None]:
            return
        (header, image), (their_header, their_image) = map(mx.recordio.unpack, records)
        if image != their_image or np.abs(header.label - their_header.label).max() > 1e-5:  # noqa: PLR2004 - 6 decimals
            raise RuntimeError(f"record {header.id}: expected equal records from both")


def _im2rec() -> Path:
    package = find_spec("mxnet")
    if package is None or package.origin is None:
        raise RuntimeError("mxnet: expected the package, got none")
    return Path(package.origin).parent / "tools" / "im2rec.py"


def _run(*arguments: str) -> tuple[float, float]:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
