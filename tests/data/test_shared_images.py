"""Memory that processes share: as large as said, without a name, and gone with those who hold it."""

import multiprocessing
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from filled_elsewhere import fill
from gluon_ssd.data.batches import BatchForm, TrainingBatches
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.data.shared_images import LENT, SharedImages

SHAPE = (2, 4, 4, 3)
DEV_SHM = Path("/dev/shm")  # noqa: S108 - where nothing should be


def test_what_another_process_writes_is_read_here() -> None:
    images = SharedImages(3, SHAPE)
    process = multiprocessing.get_context("spawn").Process(target=fill, args=(images, 1, 7))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert [np.unique(images[slot]).tolist() for slot in range(3 + LENT)] == [[0], [7], *[[0]] * (1 + LENT)]
    assert images[1].shape == SHAPE
    images.close()


def test_the_memory_is_that_of_the_slots() -> None:
    before = _mapped()
    images = SharedImages(4, (16, 300, 300, 3))
    assert _mapped() - before == pytest.approx((4 + LENT) * 16 * 300 * 300 * 3, abs=4096)
    images.close()


def test_a_slot_that_is_lent_comes_back_with_the_last_view_of_it() -> None:
    images = SharedImages(0, SHAPE)
    slots = [images.take() for _ in range(LENT)]
    assert slots == [0, 1, 2]
    lent = images.lend(1, 1)
    part = lent[:, 2:, ::2]
    images[1][:] = 5
    assert part.shape == (1, 2, 2, 3)
    assert np.unique(part).tolist() == [5]
    del lent
    with pytest.raises(IndexError):
        images.take()
    del part
    assert images.take() == 1
    images.close()


def test_more_than_may_be_lent_is_copied() -> None:
    images = SharedImages(1, SHAPE)
    slots = [images.take() for _ in range(LENT + 1)]
    lent = [images.lend(slot, 2) for slot in slots]
    assert images.take() == slots[-1]
    for slot in slots:
        images[slot][:] = 9
    assert [np.unique(one).tolist() for one in lent] == [*[[9]] * LENT, [0]]
    images.close()


def test_nothing_of_it_lies_in_a_file_system() -> None:
    before = sorted(DEV_SHM.iterdir())
    images = SharedImages(4, (16, 300, 300, 3))
    images[0][:] = 1
    assert sorted(DEV_SHM.iterdir()) == before
    images.close()


def test_it_is_given_back() -> None:
    before = (_mapped(), _descriptors())
    for _ in range(3):
        images = SharedImages(4, (16, 300, 300, 3))
        images[0][:] = 1
        images.close()
        del images
    assert (_mapped(), _descriptors()) == before


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _mapped() -> int:
    """Return how many bytes of such memory this process has mapped."""
    spans = [line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines() if "memfd" in line]
    return sum(int(end, 16) - int(begin, 16) for begin, end in spans)


def _memory(process: int) -> tuple[int, int]:
    """Return how many bytes a process holds of its own, and of shared memory."""
    status = Path(f"/proc/{process}/status").read_text()
    own, shared = (re.search(rf"{name}:\s+(\d+) kB", status) for name in ("RssAnon", "RssShmem"))
    assert own is not None
    assert shared is not None
    return 1024 * int(own[1]), 1024 * int(shared[1])


def test_memory_is_bounded_by_batch_shape_and_workers(make_channel: Callable[..., RecordIODataset]) -> None:
    before = set(multiprocessing.active_children())
    form = BatchForm("train", 16, 128)
    dataset = make_channel(200)
    with TrainingBatches(dataset, form, augmentation="full", seed=0, num_workers=2) as batches:
        processes = [os.getpid(), *(child.pid or 0 for child in set(multiprocessing.active_children()) - before)]
        held = []
        for epoch in range(5):
            for _ in batches.epoch(epoch):
                pass
            held.append([_memory(process) for process in processes])
    # What the README says: two batches a worker, and three in use.
    bound = (2 * 2 + 3) * 16 * 128 * 128 * 3
    assert max(shared for epoch in held for _, shared in epoch) <= bound + 64 * 1024
    growth = [last[0] - second[0] for second, last in zip(held[1], held[-1], strict=True)]
    assert max(growth) < 2_000_000, growth


PROGRAM = """
import sys
from pathlib import Path
from gluon_ssd.data.batches import BatchForm, TrainingBatches
from gluon_ssd.data.records import RecordIODataset
if __name__ == "__main__":
    dataset = RecordIODataset.open(Path(sys.argv[1]), channel="train", num_classes=12, label_width=350)
    form = BatchForm("train", 8, 512)
    with TrainingBatches(dataset, form, augmentation="full", seed=0, num_workers=2) as batches:
        print(sum(len(batch.images) for epoch in range(3) for batch in batches.epoch(epoch)))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small /dev/shm")
def test_batches_do_not_need_dev_shm(make_channel: Callable[..., RecordIODataset], tmp_path: Path) -> None:
    make_channel(12)
    (tmp_path / "program.py").write_text(PROGRAM)
    # Docker gives 64 MB; two workers with batches of 8 at 512 want 25 MB. With 64 kB there is no doubt.
    command = 'mount -t tmpfs -o size=64k tmpfs /dev/shm && exec "$@"'
    arguments = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        command,
        "sh",
        sys.executable,
        f"{tmp_path}/program.py",
        f"{tmp_path}",
    ]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"this machine does not let root mount: {done.stderr}")
    assert (done.stdout, done.stderr) == ("40\n", "")
