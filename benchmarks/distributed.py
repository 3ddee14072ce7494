"""What training in several processes costs, and what to expect of GPUs on one machine and on several.

Measured on this machine, for each engine, over the loopback interface; processes have one thread each:

- bytes: what all processes of a step send, beside the size of the gradients (float32, one for each parameter that
  learns). With `dist_sync` each process sends its gradients to the servers and gets their sum back, from those on its
  own machine too; Horovod's ring sends 2 (n - 1) / n of their size from each process.
- step: the seconds of a step of two processes with half a batch each, with the engine, and of the same two processes
  side by side without it; and of one process with two threads and the whole batch. As many images on as many cores.
- exchange: the seconds that the engine takes for the gradients where nothing else is done.
- overlap: the share of the exchange that costs a step nothing since the backward pass goes on meanwhile,
  1 - (step - step without the engine) / exchange. On a CPU the exchange takes its cores from the backward pass, so
  this is the least to expect; below 0, the two cost more together than one after the other.

On paper, from these figures: an exchange takes c = sent / bandwidth of each GPU or machine, of which (1 - overlap) c
is waited for, and what is left only if it is longer than the backward pass, which takes two thirds of a step's t:

    step = t + (1 - overlap) c + max(0, overlap c - 2 t / 3)        images/s = GPUs x batch / step

- n GPUs of a machine, `device`: each sends 2 (n - 1) / n of the gradients over PCIe.
- m machines, `dist_sync`: the same within each machine, and then from each machine, which also is a server,
  2 (m - 1) / m of the gradients over the network.
- m machines, `horovod`: one ring of all N = n m GPUs, 2 (N - 1) / N of the gradients over the slowest link.

Both engines are reckoned twice: at the bandwidth of the links, and at no more than what a process reached here, where
each adds gradients up on the CPU. `dist_sync` does so on GPU machines too, on more cores than here; Horovod built with
NCCL adds them up on the GPUs, so that the links are nearer to it. Neither was run on GPUs. Options set what is assumed.
The overlap there is none, and for comparison the measured one where that is more.
"""

import argparse
import importlib.util
import json
import math
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

import mxnet as mx
import numpy as np

from gluon_ssd.data.loading import Batch
from gluon_ssd.deadline import Deadline
from gluon_ssd.ssd import weights
from gluon_ssd.ssd.network import SSD
from gluon_ssd.training import kvstore_workers
from gluon_ssd.training.kvstore_workers import Meeting
from gluon_ssd.training.learner import Learner
from gluon_ssd.training.workers import ALONE, Workers, all_say

ENGINES = ("dist_sync", "horovod")
PROCESSES = 2
LINKS, REACHED = "links", "as here"
CLASSES, OBJECTS = 20, 5
WARM_UP = 2  # steps
BACKWARD = 2 / 3  # of a step: it does twice what the forward pass does
SENT = Path("/sys/class/net/lo/statistics/tx_bytes")
MPI = (
    "mpirun", "--allow-run-as-root", "--oversubscribe", "-np", str(PROCESSES), "--bind-to", "none",
    # Not through shared memory, which several machines have not.
    "--mca", "pml", "ob1", "--mca", "btl", "self,tcp", "--mca", "btl_tcp_if_include", "lo",
)  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """Of one process in a round: seconds, and bytes that all of them sent."""

    gradients: float
    step: float
    without: float = 0.0
    exchange: float = 0.0
    sent: float = 0.0


class Paper(NamedTuple):
    """What is expected: bytes that a GPU or a machine sends, seconds of exchange and of a step."""

    sent: float
    exchange: float
    step: float


def main() -> None:
    """Print the measured table and the one on paper."""
    options = _options()
    if options.process:
        _process(options)
        return
    alone: list[Figures] = []
    measured: dict[str, list[Figures]] = {engine: [] for engine in ENGINES if _is_there(engine)}
    for _ in range(options.rounds):
        alone.append(_run([sys.executable, __file__, "--process", "alone"], options, threads=PROCESSES))
        for engine, rounds in measured.items():
            rounds.append(_run_together(engine, options))
    _print_measured(options, alone, measured)
    _print_paper(options, alone[0].gradients, measured)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-network", default="resnet-50")
    parser.add_argument("--image-shape", type=int, default=128)
    parser.add_argument("--batch", type=int, default=8, help="of all processes together")
    parser.add_argument("--steps", type=int, default=6, help="measured in each round")
    parser.add_argument("--rounds", type=int, default=3)
    paper = parser.add_argument_group("assumed on paper")
    paper.add_argument("--gpus", type=int, default=8, help="of each machine")
    paper.add_argument("--machines", type=int, default=8)
    paper.add_argument("--gpu-images", type=float, default=150, help="images/s that one GPU trains on alone")
    paper.add_argument("--gpu-batch", type=int, default=32, help="images of one GPU in a step")
    paper.add_argument("--pcie", type=float, default=6, help="GB/s between the GPUs of a machine, each at once")
    paper.add_argument("--network", type=float, default=100, help="Gbit/s of each machine")
    parser.add_argument("--process", default="", help=argparse.SUPPRESS)
    parser.add_argument("--rank", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def _is_there(engine: str) -> bool:
    return engine != "horovod" or bool(importlib.util.find_spec("horovod") and shutil.which("mpirun"))


def _run_together(engine: str, options: argparse.Namespace) -> Figures:
    """Run the processes of an engine once; return the first one's figures."""
    command = [sys.executable, __file__, "--process", engine]
    if engine == "horovod":
        return _run([*MPI, *command], options, threads=1)
    port = str(_free_port())
    processes = [_start([*command, "--rank", str(rank), "--port", port], options, 1) for rank in range(PROCESSES)]
    first, *_ = [_printed(process) for process in processes]
    return _figures(first)


def _run(command: list[str], options: argparse.Namespace, *, threads: int) -> Figures:
    return _figures(_printed(_start(command, options, threads)))


def _start(command: list[str], options: argparse.Namespace, threads: int) -> "subprocess.Popen[str]":
    sizes = [
        "--base-network", options.base_network, "--image-shape", str(options.image_shape),
        "--batch", str(options.batch), "--steps", str(options.steps),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    return subprocess.Popen([*command, *sizes], env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program


def _printed(process: "subprocess.Popen[str]") -> str:
    printed, _ = process.communicate()
    if process.returncode:
        sys.exit(f"a process ended with exit code {process.returncode}")
    return printed


def _figures(printed: str) -> Figures:
    return next(Figures(**json.loads(line)) for line in printed.splitlines() if line.startswith("{"))


def _median(rounds: list[Figures]) -> Figures:
    columns = zip(*(astuple(figures) for figures in rounds), strict=True)
    return Figures(*map(statistics.median, columns))


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _process(options: argparse.Namespace) -> None:
    """Measure in one of the processes; the first prints."""
    with _workers(options) as workers:
        figures = _measure(options, workers)
        if workers.is_first:
            print(json.dumps(asdict(figures)), flush=True)


@contextmanager
def _workers(options: argparse.Namespace) -> Iterator[Workers]:
    if options.process == "alone":
        yield ALONE
    elif options.process == "horovod":
        from gluon_ssd.training import horovod_workers  # noqa: PLC0415 - only where it is installed

        with horovod_workers.join() as workers:
            yield workers
    else:
        meeting = Meeting("127.0.0.1", options.port, PROCESSES, options.rank, "127.0.0.1")
        with kvstore_workers.join(
            options.process, meeting, deadline=Deadline.after(60), stopped=lambda: False, on_lost=_end
        ) as workers:
            yield workers


def _end(reason: str) -> None:
    print(reason, file=sys.stderr, flush=True)
    os._exit(3)


def _measure(options: argparse.Namespace, workers: Workers) -> Figures:
    batch = _batch(options.batch // workers.count, options.image_shape)
    learner = _learner(options, workers)
    gradients = 4 * sum(p.data().size for p in learner.network.parameters.values() if p.grad_req != "null")
    step, sent = _timed(lambda count: _train(learner, batch, count), options.steps, workers)
    if workers.count == 1:
        return Figures(gradients, step)
    exchange, _ = _timed(lambda count: _exchange(learner, count), options.steps, workers)
    beside = _learner(options, ALONE)
    without, _ = _timed(lambda count: _train(beside, batch, count), options.steps, workers)
    return Figures(gradients, step, without, exchange, sent)


def _learner(options: argparse.Namespace, workers: Workers) -> Learner:
    network = SSD(options.base_network, CLASSES, options.image_shape)
    weights.initialize(network, [mx.cpu()], seed=0)
    return Learner(network, mx.optimizer.create("sgd", learning_rate=1e-5, momentum=0.9), [mx.cpu()], workers)


def _train(learner: Learner, batch: Batch, count: int) -> None:
    for _ in range(count):
        learner.step(batch)


def _exchange(learner: Learner, count: int) -> None:
    for _ in range(count):
        learner.trainer.allreduce_grads()
        mx.nd.waitall()


def _timed(act: Callable[[int], object], steps: int, workers: Workers) -> tuple[float, float]:
    """Return the seconds and the bytes of a step, after a few to warm up; all processes begin together."""
    act(WARM_UP)
    mx.nd.waitall()
    all_say(workers, 0)
    sent, started = int(SENT.read_text()), time.perf_counter()
    act(steps)
    mx.nd.waitall()
    all_say(workers, 0)
    return (time.perf_counter() - started) / steps, (int(SENT.read_text()) - sent) / steps


def _batch(images: int, side: int) -> Batch:
    rng = np.random.default_rng(0)
    corners = np.sort(rng.uniform(0, 1, (images, OBJECTS, 2, 2)), axis=2).reshape(images, OBJECTS, 4)
    classes, difficult = rng.integers(0, CLASSES, (images, OBJECTS, 1)), np.zeros((images, OBJECTS, 1))
    objects = np.concatenate([classes, corners, difficult], axis=2).astype(np.float32)
    return Batch(rng.integers(0, 256, (images, side, side, 3), dtype=np.uint8), objects)


def _overlap(rounds: list[Figures]) -> float:
    return statistics.median(1 - (it.step - it.without) / it.exchange for it in rounds)


def _print_measured(options: argparse.Namespace, alone: list[Figures], measured: dict[str, list[Figures]]) -> None:
    print(
        f"{options.base_network} at {options.image_shape}, {options.batch} images a step in all, {PROCESSES} processes "
        f"on one machine; medians of {options.rounds} rounds"
    )
    print(f"one process with {PROCESSES} threads: {_median(alone).step:.3f} s a step")
    print(
        f"{'engine':>10} {'MB sent':>8} {'of model':>9} {'step':>8} {'of one':>7} {'without':>8} "
        f"{'exchange':>9} {'overlap':>8}"
    )
    for engine in ENGINES:
        if engine not in measured:
            print(f"{engine:>10} not installed")
            continue
        it, rounds = _median(measured[engine]), measured[engine]
        of_one = statistics.median(two.step / one.step for two, one in zip(rounds, alone, strict=True))
        print(
            f"{engine:>10} {it.sent / 1e6:8.1f} {it.sent / it.gradients:9.2f} {it.step:7.3f}s {of_one:7.2f} "
            f"{it.without:7.3f}s {it.exchange:8.3f}s {_overlap(rounds):8.2f}"
        )


def _print_paper(options: argparse.Namespace, gradients: float, measured: dict[str, list[Figures]]) -> None:
    gpus, machines = options.gpus, options.machines
    print(
        f"\non paper: {options.gpu_images:g} images/s and batches of {options.gpu_batch} on each GPU alone; "
        f"{gradients / 1e6:.1f} MB of gradients; PCIe {options.pcie:g} GB/s; network {options.network:g} Gbit/s"
    )
    columns = f"{'overlap':>8} {'MB sent':>8} {'exchange':>9} {'step':>8} {'images/s':>9} {'of linear':>9}"
    print(f"{'':>24} {'speed':>8} {columns}")
    _print_row(options, f"{gpus} GPUs, device", f"{LINKS:>8} {0:8.2f}", gpus, _of_one_machine(options, gradients, 0.0))
    for engine, rounds in measured.items():
        for speed, overlap in product((LINKS, REACHED), sorted({0.0, min(max(_overlap(rounds), 0.0), 1.0)})):
            most = math.inf if speed == LINKS else _reached(_median(rounds))
            paper = _of_machines(options, engine, gradients, most, overlap)
            case = f"{speed:>8} {overlap:8.2f}"
            _print_row(options, f"{machines} x {gpus} GPUs, {engine}", case, gpus * machines, paper)


def _print_row(options: argparse.Namespace, name: str, case: str, gpus: int, paper: Paper) -> None:
    speed = gpus * options.gpu_batch / paper.step
    print(
        f"{name:>24} {case} {paper.sent / 1e6:8.1f} {paper.exchange:8.3f}s {paper.step:7.3f}s {speed:9.0f} "
        f"{speed / gpus / options.gpu_images:9.2f}"
    )


def _of_one_machine(options: argparse.Namespace, gradients: float, overlap: float) -> Paper:
    sent = _to_others(options.gpus) * gradients
    return _paper(options, sent, sent / (options.pcie * 1e9), overlap)


def _of_machines(options: argparse.Namespace, engine: str, gradients: float, most: float, overlap: float) -> Paper:
    network, pcie = options.network / 8 * 1e9, options.pcie * 1e9
    if engine == "horovod":
        sent = _to_others(options.gpus * options.machines) * gradients
        return _paper(options, sent, sent / min(network, pcie, most), overlap)
    sent = _to_others(options.machines) * gradients
    within = _to_others(options.gpus) * gradients / pcie
    return _paper(options, sent, within + sent / min(network, most), overlap)


def _reached(measured: Figures) -> float:
    """Return the bytes a second that one process sent here."""
    return measured.sent / PROCESSES / measured.exchange


def _to_others(count: int) -> float:
    """Return how often each of `count` sends its gradients, where all share the work of adding them up."""
    return 2 * (count - 1) / count


def _paper(options: argparse.Namespace, sent: float, exchange: float, overlap: float) -> Paper:
    compute = options.gpu_batch / options.gpu_images
    waited = (1 - overlap) * exchange + max(0.0, overlap * exchange - BACKWARD * compute)
    return Paper(sent, exchange, compute + waited)


if __name__ == "__main__":
    main()
