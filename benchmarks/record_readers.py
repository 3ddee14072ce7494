"""Records per second that readers of RecordIO deliver on one core: file and pipe, beside MXNet's `MXRecordIO`.

All read the same records of image bytes (never decoded) with a label each, from memory where the kernel keeps the
file, and deliver label and image apart; ours check the label too. They run by turns. What counts is the CPU time of
the reading process, so that neither other programs nor the writer of the pipe are part of it. Opening a file, which
scans it once to check all labels before training, is a line of its own.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import mxnet as mx
import numpy as np

from gluon_ssd.data.fifo import Patience
from gluon_ssd.data.recordio import pack, write_record
from gluon_ssd.data.recordio_pipe import LabelLimits, RecordPipe
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.data.sample import Sample

ROUNDS = 5
OBJECTS = 5
CLASSES = 20


def main() -> None:
    """Print the table: the median of the rounds, and the ratio to MXNet's reader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--size", type=int, default=60_000, help="bytes of an image")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "train").mkdir()
        write(folder / "train" / "train.rec", options.records, options.size)
        dataset = opened(folder / "train")
        readers: dict[str, Callable[[], int]] = {
            "MXRecordIO": lambda: read_with_mxnet(folder / "train" / "train.rec"),
            "file": lambda: read_file(dataset),
            "pipe": lambda: read_pipe(folder, cores[-1]),
            "file, opening": lambda: len(opened(folder / "train")),
        }
        rates: dict[str, list[float]] = {name: [] for name in readers}
        for _ in range(ROUNDS):
            for reader, read in readers.items():
                rates[reader].append(rate(read, options.records))
    print(f"{options.records} records of {options.size:,} bytes, {ROUNDS} rounds, records per second of CPU time")
    peer = statistics.median(rates["MXRecordIO"])
    for reader, measured in rates.items():
        median = statistics.median(measured)
        print(f"{reader:>14} {median:>9,.0f}  ({min(measured):,.0f} to {max(measured):,.0f})  {median / peer:5.2f}")


def write(path: Path, records: int, size: int) -> None:
    """Write a RecordIO file of random bytes for images."""
    rng = np.random.default_rng(0)
    objects = np.tile(np.array([[1, 0.25, 0.25, 0.75, 0.75, 0]], np.float32), (OBJECTS, 1))
    with path.open("wb") as stream:
        for number in range(records):
            write_record(stream, pack(Sample(rng.bytes(size), objects), number))


def rate(read: Callable[[], int], records: int) -> float:
    """Return records per second of this process's CPU time; the reader says how many it has read."""
    started = time.process_time()
    count = read()
    seconds = time.process_time() - started
    if count != records:
        raise ValueError(f"records: expected {records}, got {count}")
    return records / seconds


def read_with_mxnet(path: Path) -> int:
    """Read a file with MXNet's reader, and take labels and images apart."""
    reader = mx.recordio.MXRecordIO(str(path), "r")
    count = 0
    while (record := reader.read()) is not None:
        mx.recordio.unpack(record)
        count += 1
    reader.close()
    return count


def opened(folder: Path) -> RecordIODataset:
    """Open a channel in File mode."""
    return RecordIODataset.open(folder, channel="train", num_classes=CLASSES, label_width=350)


def read_file(dataset: RecordIODataset) -> int:
    """Read all samples of a channel in File mode."""
    return sum(1 for index in range(len(dataset)) if dataset[index].image)


def read_pipe(folder: Path, core: int) -> int:
    """Read all samples of a channel in Pipe mode, written by a process on that core."""
    fifo = folder / "train_0"
    os.mkfifo(fifo)
    writer = subprocess.Popen(  # noqa: S602 - our own words
        f"exec taskset -c {core} cat {folder}/train/train.rec > {fifo}", shell=True
    )
    pipe = RecordPipe(folder / "train", LabelLimits(CLASSES, 350), wrapped=False, patience=Patience(60, lambda: False))
    count = sum(1 for sample in pipe.passage(0) if sample.image)
    writer.wait()
    fifo.unlink()
    return count


if __name__ == "__main__":
    main()
