"""The processes of MXNet's parameter server: one scheduler for all machines, one server on each."""

import ctypes
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any

logger = logging.getLogger(__name__)

SCHEDULER, SERVER = "scheduler", "server"
LOST_AFTER = 20  # seconds of silence after which a process counts as dead: more than a busy machine is ever silent
HEARTBEAT = 1  # seconds between two signs of life
_LOOKS = 3  # for a moment after all have met, before ps-lite notes when that was, it counts everybody as dead
LOST = 3  # the exit code where another process is dead
_LOSS = "a worker is lost, or leaves with an error"  # a command of ours, beside MXNet's pickled optimizers
_TELLING = 1  # seconds that it takes to reach every server that is there
# ps-lite's numbers of groups of processes.
_SCHEDULER_GROUP, _SERVERS_AND_WORKERS = 1, 6
_CONTROLLER = 0  # MXNet's number of the commands that a server hands on to Python


def environment(address: str, port: int, machines: int) -> dict[str, str]:
    """Return what every process of the parameter server must find in its environment.

    `address` and `port` are the scheduler's; each machine has one server and one worker.
    """
    return {
        "DMLC_PS_ROOT_URI": address,
        "DMLC_PS_ROOT_PORT": str(port),
        "DMLC_NUM_SERVER": str(machines),
        "DMLC_NUM_WORKER": str(machines),
        "PS_HEARTBEAT_INTERVAL": str(HEARTBEAT),
        "PS_HEARTBEAT_TIMEOUT": str(LOST_AFTER),
    }


def start(role: str, settings: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a process of a role, SCHEDULER or SERVER; it ends with the job, with this process, or when one is lost."""
    own = {**os.environ, **settings, "OMP_NUM_THREADS": "1", "MXNET_CPU_WORKER_NTHREADS": "1"}
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "gluon_ssd.training.parameter_server", role, str(os.getpid())],
        env=own,
        # Ctrl-C is for the worker, which ends the others when it has left its model.
        start_new_session=True,
    )
    logger.info("Process %d is a shell:%s.", process.pid, role)  # as the built-in algorithm says it
    return process


def watch(
    store: Any,  # noqa: ANN401 - MXNet has no types
    *,
    is_scheduler: bool,
    on_lost: Callable[[], None],
    ended: threading.Event,
    own: "Sequence[subprocess.Popen[bytes]]" = (),
) -> None:
    """Call `on_lost` once when a process is silent, or one of this worker's `own` is gone, until `ended`.

    The scheduler hears from all and ends when one is lost; the others hear from the scheduler alone.
    """
    group = _SERVERS_AND_WORKERS if is_scheduler else _SCHEDULER_GROUP
    silent = 0
    while not ended.wait(HEARTBEAT):
        silent = silent + 1 if _count_dead(store, group) else 0
        if silent == _LOOKS or any(process.poll() is not None for process in own):
            on_lost()
            return


def tell_loss(store: Any) -> None:  # noqa: ANN401
    """End the servers of all machines, by which the workers there learn at once that the job is lost."""
    command = store._send_command_to_servers  # noqa: SLF001 - MXNet's own optimizers go this way
    # It waits for answers, and servers that end give none.
    telling = threading.Thread(target=command, args=(_CONTROLLER, _LOSS), daemon=True)
    telling.start()
    telling.join(_TELLING)


def _count_dead(store: Any, group: int) -> int:  # noqa: ANN401
    from mxnet.base import _LIB, check_call  # noqa: PLC0415 - see _import_mxnet

    dead = ctypes.c_int()
    check_call(_LIB.MXKVStoreGetNumDeadNode(store.handle, ctypes.c_int(group), ctypes.byref(dead), LOST_AFTER))
    return dead.value


def main(role: str, parent: int) -> None:
    """Do what a process of this role does, until the workers are done."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    mx = _import_mxnet(role)
    store = mx.kv.create("dist_sync")
    threading.Thread(
        target=watch,
        args=(store,),
        kwargs={"is_scheduler": role == SCHEDULER, "on_lost": _leave, "ended": threading.Event()},
        daemon=True,
    ).start()
    _serve(mx, store)
    _exit(0)  # the watching thread is still in MXNet, which would crash as it is unloaded


def _serve(mx: ModuleType, store: Any) -> None:  # noqa: ANN401
    """Do as `KVStoreServer.run` does, and obey a command more."""
    take_optimizer = mx.kvstore.kvstore_server.KVStoreServer(store)._controller()  # noqa: SLF001
    controller = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
    obey = controller(partial(_obey, take_optimizer))
    mx.base.check_call(mx.base._LIB.MXKVStoreRunServer(store.handle, obey, None))  # noqa: SLF001


def _obey(take_optimizer: Callable[[int, bytes, None], None], number: int, command: bytes, _: None) -> None:
    if command == _LOSS.encode():
        _exit(LOST)
    take_optimizer(number, command, None)


def _import_mxnet(role: str) -> ModuleType:
    """Import MXNet as a worker: in another role its import serves for ever, and nothing could watch."""
    os.environ["DMLC_ROLE"] = "worker"
    import mxnet as mx  # noqa: PLC0415
    import mxnet.kvstore.kvstore_server  # noqa: PLC0415

    os.environ["DMLC_ROLE"] = role
    module: ModuleType = mx
    return module


def _end_with(parent: int) -> None:
    """End as soon as the process that started this one is gone, however it ended."""
    while os.getppid() == parent:
        time.sleep(HEARTBEAT)
    _exit(LOST)


def _leave() -> None:
    _exit(LOST)


def _exit(code: int) -> None:
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
