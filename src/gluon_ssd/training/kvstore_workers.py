"""Workers on several machines that share gradients through MXNet's parameter server."""

import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import mxnet as mx
import numpy as np
from mxnet.base import _LIB, check_call
from numpy.typing import NDArray

from gluon_ssd.deadline import Deadline
from gluon_ssd.errors import PlatformError, StoppedError
from gluon_ssd.training import parameter_server
from gluon_ssd.training.parameter_server import SCHEDULER, SERVER
from gluon_ssd.training.server_optimizer import VALUES, ServerOptimizer, message_key, message_row

logger = logging.getLogger(__name__)

_GRACE = 30  # seconds that the others may take to leave, and then the server's processes to end
_OWN_WORDS = 3  # seconds in which others, whose mistakes may be the same, tell of them before they are ended
_PAUSE = 0.05  # seconds between two looks at what the others say, or whether they have come

_Processes = Mapping[str, "subprocess.Popen[bytes]"]


@dataclass(frozen=True)
class Meeting:
    """Where the machines of a job meet: the first one's address and port, how many they are, and which one this is."""

    address: str
    port: int
    machines: int
    rank: int
    own_address: str


class _Trainer(mx.gluon.Trainer):  # type: ignore[misc]  # MXNet has no types
    """A trainer that has the first worker's weights before it sends gradients.

    MXNet's own asks for them and goes on. The store keeps a parameter's weights and later its gradients in one place,
    and nothing orders the two requests: one that fetches slowly, as a large last one does, may get gradients.
    """

    def _init_params(self) -> None:
        super()._init_params()
        for parameter in self._params:
            for array in parameter.list_data():
                array.wait_to_read()


class KVStoreWorkers:
    """The workers of a job that `join` has brought together; see `workers.Workers`."""

    def __init__(self, store: Any, *, rank: int, count: int) -> None:  # noqa: ANN401 - MXNet has no types
        self.rank = rank
        self.is_first = rank == 0
        self.count = count
        self.in_step = "async" not in store.type
        self._store = store
        self._number = 0  # of the last message
        if not self.in_step:
            store.set_optimizer(ServerOptimizer(None, {}))
        for key in (message_key(turn, is_long=is_long) for is_long in (False, True) for turn in (0, 1)):
            store.init(key, mx.nd.zeros((count, message_row(key))))

    def trainer(
        self, parameters: Mapping[str, mx.gluon.Parameter], optimizer: mx.optimizer.Optimizer
    ) -> mx.gluon.Trainer:
        """Return a trainer whose steps wait for all workers, or, with `dist_async`, for none."""
        if self.in_step:
            # Each worker updates its own copy by the same sum, so that it knows the multipliers of each parameter.
            return _Trainer(dict(parameters), optimizer, kvstore=self._store, update_on_kvstore=False)
        return _Trainer(dict(parameters), ServerOptimizer(optimizer, parameters), kvstore=self._store)

    def gather(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values (k,) of all workers by rank (count, k); each must call it, and waits for the others."""
        short, long = VALUES
        if len(values) <= short:
            return self._exchange(values, is_long=False)
        parts = (values[start : start + long] for start in range(0, len(values), long))
        return np.concatenate([self._exchange(part, is_long=True) for part in parts], axis=1)

    def _exchange(self, values: NDArray[np.float64], *, is_long: bool) -> NDArray[np.float64]:
        self._number += 1
        # Two keys in turn: whoever is ahead has begun one further message at most, and leaves this one's alone.
        key = message_key(self._number, is_long=is_long)
        rows = np.zeros((self.count, message_row(key) // 2))
        rows[self.rank, : 1 + len(values)] = [self._number, *values]
        self._store.push(key, mx.nd.array(_split(rows)))
        answer = self._pull(key)
        while (answer[:, 0] < self._number).any():  # only where nobody waits for the others
            time.sleep(_PAUSE)
            answer = self._pull(key)
        return answer[:, 1 : 1 + len(values)]

    def _pull(self, key: int) -> NDArray[np.float64]:
        answer = mx.nd.zeros((self.count, message_row(key)))
        self._store.pull(key, out=answer)
        return _joined(answer.asnumpy())


@contextmanager
def join(
    kind: str, meeting: Meeting, *, deadline: Deadline, stopped: Callable[[], bool], on_lost: Callable[[str], None]
) -> Iterator[KVStoreWorkers]:
    """Bring the workers of all machines together, for as long as the block lasts; all of them leave it together.

    `kind` is `dist_sync` or `dist_async`. `on_lost` is called from another thread, with a reason, when a machine falls
    silent: MXNet would wait for ever, so that it has to end the process. So has whoever gets an error from here: a
    thread may be left that waits in MXNet. A block that ends with an error is the others' loss, of which they are told.

    Raises:
        PlatformError: a machine has not come until the deadline, or the parameter server does not run here.
        StoppedError: the job was asked to stop while it waited.
    """
    settings = parameter_server.environment(meeting.address, meeting.port, meeting.machines)
    settings["DMLC_NODE_HOST"] = meeting.own_address
    roles = (SCHEDULER, SERVER) if meeting.rank == 0 else (SERVER,)
    processes = {role: parameter_server.start(role, settings) for role in roles}
    os.environ.update(settings | {"DMLC_ROLE": "worker"})
    try:
        store = _meet(kind, meeting, processes, deadline, stopped)
        with _watched(store, processes, on_lost):
            yield KVStoreWorkers(store, rank=meeting.rank, count=meeting.machines)
            store._barrier()  # noqa: SLF001 - while somebody still watches whether all get here
        _leave(store)
        for process in processes.values():
            process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        logger.warning("A process of the parameter server did not end by itself within %d s", _GRACE)
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


_LOST = (
    "hosts: expected every one of them to train to the end, got one that ended early, or "
    f"{parameter_server.LOST_AFTER} s of silence; see the logs of the others for the reason"
)


@contextmanager
def _watched(store: Any, processes: _Processes, on_lost: Callable[[str], None]) -> Iterator[None]:  # noqa: ANN401
    """Watch over the others within the block, and tell them if it ends with an error."""
    ended = threading.Event()
    watching = threading.Thread(
        target=parameter_server.watch,
        args=(store,),
        kwargs={
            "is_scheduler": False,
            "on_lost": partial(_give_up, store, on_lost),
            "ended": ended,
            "own": list(processes.values()),
        },
    )
    watching.start()
    try:
        yield
    except BaseException:
        ended.set()
        watching.join()
        time.sleep(_OWN_WORDS)
        parameter_server.tell_loss(store)
        raise
    ended.set()
    watching.join()


def _give_up(store: Any, on_lost: Callable[[str], None]) -> None:  # noqa: ANN401
    # Who notices first tells the others: not all of them hear of every loss.
    parameter_server.tell_loss(store)
    on_lost(_LOST)


def _meet(kind: str, meeting: Meeting, processes: _Processes, deadline: Deadline, stopped: Callable[[], bool]) -> Any:  # noqa: ANN401
    # MXNet waits for ever, and Python hears no signal meanwhile: so another thread does.
    creating = ThreadPoolExecutor(1).submit(_create, kind)
    while not wait([creating], timeout=_PAUSE).done:
        if stopped():
            raise StoppedError("while it waited for the other hosts")
        for role, process in processes.items():
            if process.poll() is not None:
                raise PlatformError(_ended(role, process.returncode, meeting.port))
        if deadline.left <= 0:
            raise PlatformError(
                f"hosts: expected all {meeting.machines} to come within {deadline.seconds:g} s, got fewer; "
                "see their logs"
            )
    return creating.result()


def _create(kind: str) -> Any:  # noqa: ANN401
    store = mx.kv.create(kind)
    store._barrier()  # noqa: SLF001 - a worker is let in before all are there
    return store


def _ended(role: str, code: int, port: int) -> str:
    hint = f"is port {port} (_ps_port) taken on this host? See the log" if role == SCHEDULER else "see all hosts' logs"
    return f"parameter server: expected its {role} to wait for all hosts, got its end with exit code {code}; {hint}"


def _leave(store: Any) -> None:  # noqa: ANN401
    """Wait for the other workers, and end the servers; what refers to the store after that must not use it."""
    handle, store.handle = store.handle, None
    # All is done, and nobody watches any more: one who is lost now shall not keep the others.
    leaving = threading.Thread(target=lambda: check_call(_LIB.MXKVStoreFree(handle)))
    leaving.start()
    leaving.join(_GRACE)


def _split(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return values as two numbers each that a store, which keeps float32, holds without loss (to 48 bits)."""
    high = values.astype(np.float32)
    return np.concatenate([high, (values - high).astype(np.float32)], axis=1)


def _joined(parts: NDArray[np.float32]) -> NDArray[np.float64]:
    high, low = np.split(parts.astype(np.float64), 2, axis=1)
    joined: NDArray[np.float64] = high + low
    return joined
