"""Worker processes: what they import, how they end, and what is said when one dies."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gluon_ssd.data.loading import Loader
from gluon_ssd.data.order import Place
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.data.workers import Workers
from gluon_ssd.errors import PlatformError

MakeChannel = Callable[..., RecordIODataset]
SHAPE = (1, 16, 16, 3)
TASKS = [[Place(0, record)] for record in range(12)]

PROGRAM = """
import multiprocessing, sys, time
from pathlib import Path
from gluon_ssd.data.loading import Loader
from gluon_ssd.data.order import Place
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.data.workers import Workers
if __name__ == "__main__":
    print("running", flush=True)
    dataset = RecordIODataset.open(Path(sys.argv[1]), channel="train", num_classes=12, label_width=350)
    workers = Workers(Loader(dataset, "none", 0, replace=True), 2, (1, 16, 16, 3), channel="train")
    loaded = list(workers.load([[Place(0, record)] for record in range(12)]))
    print(*(process.pid for process in multiprocessing.active_children()), flush=True)
    time.sleep(60)
"""


def _loader(dataset: RecordIODataset) -> Loader:
    return Loader(dataset, "none", 0, replace=True)


def _is_alive(process: int) -> bool:
    """Say whether a process runs; one that waits to be reaped does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False


def test_reading_data_needs_no_mxnet() -> None:
    script = "import sys, gluon_ssd.data.batches, gluon_ssd.data.records; sys.exit('mxnet' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_results_come_in_order_of_the_tasks(make_channel: MakeChannel) -> None:
    with closing(Workers(_loader(make_channel(12)), 2, SHAPE, channel="train")) as workers:
        batches = [loaded.batch for loaded in workers.load(TASKS)]
    assert [int(batch.images[0, 0, 0, 0]) for batch in batches if batch is not None] == list(range(12))


def test_no_more_tasks_are_taken_than_the_workers_need_ahead(make_channel: MakeChannel) -> None:
    taken = []
    with closing(Workers(_loader(make_channel(12)), 1, SHAPE, channel="train")) as workers:
        results = workers.load(taken.append(places[0].record) or places for places in TASKS)  # type: ignore[func-returns-value]
        next(results)
        assert taken == [0, 1]
        next(results)
        assert taken == [0, 1, 2]


def test_batches_stay_what_they_are_however_many_are_kept(make_channel: MakeChannel) -> None:
    with closing(Workers(_loader(make_channel(12)), 2, SHAPE, channel="train")) as workers:
        for _ in range(3):
            kept = [loaded.batch for loaded in workers.load(TASKS)]
            assert [int(batch.images.max()) for batch in kept if batch is not None] == list(range(12))
            next(workers.load(TASKS))  # an epoch that is left early
    assert [int(batch.images.max()) for batch in kept if batch is not None] == list(range(12))


def test_two_epochs_at_a_time_are_refused(make_channel: MakeChannel) -> None:
    with closing(Workers(_loader(make_channel(12)), 1, SHAPE, channel="train")) as workers:
        first = workers.load(TASKS)
        next(first)
        with pytest.raises(RuntimeError, match="train channel: expected one epoch of batches at a time, got another"):
            next(workers.load(TASKS))
        assert len(list(first)) == 11
        assert len(list(workers.load(TASKS))) == 12


def test_closing_twice_is_closing_once(make_channel: MakeChannel) -> None:
    workers = Workers(_loader(make_channel(12)), 1, SHAPE, channel="train")
    workers.close()
    workers.close()


def test_an_epoch_that_is_left_does_not_write_into_the_next(make_channel: MakeChannel) -> None:
    with closing(Workers(_loader(make_channel(12)), 2, SHAPE, channel="train")) as workers:
        for _ in range(30):
            left = workers.load(TASKS[6:])
            next(left)
            left.close()  # type: ignore[attr-defined]  # a generator
            grays = [int(loaded.batch.images.max()) for loaded in workers.load(TASKS[:6]) if loaded.batch is not None]
            assert grays == list(range(6))


def test_leaving_early_leaves_no_process(make_channel: MakeChannel) -> None:
    before = multiprocessing.active_children()
    with closing(Workers(_loader(make_channel(12)), 2, SHAPE, channel="train")) as workers:
        next(workers.load(TASKS))
        assert len(multiprocessing.active_children()) > len(before)
    assert multiprocessing.active_children() == before


def test_an_error_reaches_the_caller_and_leaves_no_process(make_channel: MakeChannel, tmp_path: Path) -> None:
    before = multiprocessing.active_children()
    dataset = make_channel(12)
    (tmp_path / "train.rec").unlink()
    with (
        pytest.raises(PlatformError, match=r"train channel, train\.rec, record 0: could not be read: .*No such file"),
        closing(Workers(_loader(dataset), 1, SHAPE, channel="train")) as workers,
    ):
        list(workers.load(TASKS))
    assert multiprocessing.active_children() == before


def test_a_worker_that_dies_is_a_platform_error(make_channel: MakeChannel) -> None:
    before = set(multiprocessing.active_children())
    with closing(Workers(_loader(make_channel(12)), 2, SHAPE, channel="train")) as workers:
        results = workers.load(TASKS)
        next(results)
        for process in set(multiprocessing.active_children()) - before:
            os.kill(process.pid or 0, signal.SIGKILL)
        with pytest.raises(PlatformError, match="expected 2 data workers to stay alive, but one died, probably"):
            list(results)


def test_workers_leave_signals_to_the_whole_job_to_their_parent(make_channel: MakeChannel) -> None:
    before = set(multiprocessing.active_children())
    with closing(Workers(_loader(make_channel(12)), 1, SHAPE, channel="train")) as workers:
        next(workers.load(TASKS))
        groups = [os.getpgid(process.pid or 0) for process in set(multiprocessing.active_children()) - before]
    assert len(groups) == 1
    assert groups[0] != os.getpgrp()


def test_workers_start_before_their_first_task(make_channel: MakeChannel) -> None:
    before = set(multiprocessing.active_children())
    with closing(Workers(_loader(make_channel(12)), 3, SHAPE, channel="train")):
        assert len(set(multiprocessing.active_children()) - before) == 3


def test_a_signal_to_the_whole_group_does_not_reach_workers_that_are_starting(make_channel: MakeChannel) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # this process, as a job does, takes it for a request
    try:
        with closing(Workers(_loader(make_channel(12)), 2, SHAPE, channel="train")) as workers:
            for process in multiprocessing.active_children():
                os.kill(process.pid or 0, signal.SIGTERM)
            assert len(list(workers.load(TASKS))) == len(TASKS)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_workers_end_with_a_parent_that_is_killed(
    make_channel: MakeChannel,
    tmp_path: Path,
) -> None:
    make_channel(12)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with subprocess.Popen([sys.executable, program, tmp_path], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "running\n"
        processes = [int(word) for word in parent.stdout.readline().split()]
        assert len(processes) == 2
        assert all(_is_alive(process) for process in processes)
        parent.kill()
    deadline = time.monotonic() + 10
    while any(_is_alive(process) for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.05)
