"""Workers that share gradients through Horovod: processes with one device each, on one machine or several."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

import mxnet as mx
import numpy as np
from numpy.typing import NDArray

from gluon_ssd.errors import PlatformError

# Horovod ends a job where a worker keeps the others waiting so long. It cannot tell a worker that hangs from one that
# still validates, or waits for its pipe; one that is dead it notices by itself.
_LONGEST_WAIT = {"HOROVOD_STALL_CHECK_TIME_SECONDS": "600", "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": "7200"}
_LOST = "hosts: expected every process to train to the end, got {reason}; see the logs of the others for the reason"
# The sentence that Horovod, MPI, NCCL or Gloo (whose own begin with a place in its source) begin an error with. MXNet
# puts its name before it, and may put a C++ stack around it, whose paths hold such words too.
_OWN_SENTENCE = re.compile(
    r"^\s*(?:MXNetError: )?((?:Horovod |MPI_\w+ failed|nccl\w+ failed|\[\S*/gloo/\S+:\d+\] ).*?)(?:\. |\.?$)",
    re.MULTILINE,
)


class HorovodWorkers:
    """The workers of a job that `join` has brought together; see `workers.Workers`."""

    in_step = True

    def __init__(self, horovod: ModuleType) -> None:
        self.rank: int = horovod.rank()
        self.count: int = horovod.size()
        self.is_first = self.rank == 0
        self._horovod = horovod

    def trainer(
        self, parameters: Mapping[str, mx.gluon.Parameter], optimizer: mx.optimizer.Optimizer
    ) -> mx.gluon.Trainer:
        """Return a trainer whose steps wait for all workers; each parameter is on one device."""
        # The first one's weights, as a sum: Horovod 0.28.1's broadcast reads its name after that may have been freed.
        for name, parameter in sorted(parameters.items()):
            weights = parameter.data()
            if not self.is_first:
                weights[:] = 0
            self._horovod.allreduce_(weights, op=self._horovod.Sum, name=f"start of {name}")
        return _SummingTrainer(parameters, optimizer, self._horovod)

    def gather(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values (k,) of all workers by rank (count, k); each must call it, and waits for the others."""
        if not len(values):
            return np.zeros((self.count, 0))  # as all others do: MXNet takes a shape with a 0 for one yet to be told
        row = mx.nd.array(values[np.newaxis], ctx=mx.cpu(), dtype=np.float64)
        said: NDArray[np.float64] = self._horovod.allgather(row, name="values").asnumpy()
        return said


class _SummingTrainer(mx.gluon.Trainer):  # type: ignore[misc]  # MXNet has no types
    """Adds the gradients of all workers up.

    Horovod's own trainer takes their mean over the workers; here the step says what they are divided by, the number of
    devices that had images.
    """

    def __init__(
        self, parameters: Mapping[str, mx.gluon.Parameter], optimizer: mx.optimizer.Optimizer, horovod: ModuleType
    ) -> None:
        super().__init__(dict(parameters), optimizer, kvstore=None)
        self._horovod = horovod

    def _allreduce_grads(self) -> None:
        for index, parameter in enumerate(self._params):
            if parameter.grad_req != "null":
                self._horovod.allreduce_(
                    parameter.grad(), op=self._horovod.Sum, name=f"gradient {index}", priority=-index
                )


@contextmanager
def join() -> Iterator[HorovodWorkers]:
    """Bring the processes together that `mpirun` or `horovodrun` has started, for as long as the block lasts.

    All of them leave it together. A block that ends with an error leaves it to the launcher to end the others.

    Raises:
        PlatformError: Horovod is not installed, or a process was lost.
    """
    for name, seconds in _LONGEST_WAIT.items():
        os.environ.setdefault(name, seconds)
    horovod = _import_horovod()
    try:
        horovod.init()
        workers = HorovodWorkers(horovod)
        yield workers
        workers.gather(np.zeros(1))  # the others may still need this one
        horovod.shutdown()
    except (mx.MXNetError, RuntimeError) as error:
        sentence = _OWN_SENTENCE.search(str(error))
        if not sentence:
            raise
        raise PlatformError(_LOST.format(reason=sentence[1])) from error


def _import_horovod() -> ModuleType:
    try:
        import horovod.mxnet  # noqa: PLC0415 - only a job that asks for it needs it
    except ImportError as error:
        raise PlatformError(
            f"kv_store: expected Horovod 0.28.1 built with MXNet to be installed for horovod, got {error}; "
            "docker/build_horovod.sh builds it"
        ) from error
    module: ModuleType = horovod.mxnet
    return module
