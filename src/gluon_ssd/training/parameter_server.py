"""The processes of MXNet's parameter server: one scheduler for all machines, one server on each."""

import ctypes
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

logger = logging.getLogger(__name__)

SCHEDULER, SERVER = "scheduler", "server"
LOST_AFTER = 20  # seconds of silence after which a process counts as dead: more than a busy machine is ever silent
HEARTBEAT = 1  # seconds between two signs of life
_LOOKS = 3  # for a moment after all have met, before ps-lite notes when that was, it counts everybody as dead
LOST = 3  # the exit code where another process is dead
# ps-lite's numbers of groups of processes.
_SCHEDULER_GROUP, _SERVERS_AND_WORKERS = 1, 6


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


def watch(store: Any, *, is_scheduler: bool, on_lost: Callable[[], None], ended: threading.Event) -> None:  # noqa: ANN401 - MXNet has no types
    """Call `on_lost` once when a process is silent, until `ended`.

    The scheduler hears from all and ends when one is lost; the others hear from the scheduler alone.
    """
    group = _SERVERS_AND_WORKERS if is_scheduler else _SCHEDULER_GROUP
    silent = 0
    while not ended.wait(HEARTBEAT):
        silent = silent + 1 if _count_dead(store, group) else 0
        if silent == _LOOKS:
            on_lost()
            return


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
    mx.kvstore.kvstore_server.KVStoreServer(store).run()
    _exit(0)  # the watching thread is still in MXNet, which would crash as it is unloaded


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
