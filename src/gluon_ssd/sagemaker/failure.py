"""How a job that failed tells SageMaker why: a log line, the failure file, an exit code."""

import errno
import logging
import re
import traceback
from dataclasses import dataclass
from pathlib import Path

from gluon_ssd.errors import JobError, PlatformError, UserError

logger = logging.getLogger(__name__)

# SageMaker shows no more of the failure file than this, as the job's FailureReason.
_REASON_LENGTH = 1024
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
# In the words of MXNet, CUDA and OpenCV, which have no class for it.
_OUT_OF_MEMORY = re.compile(
    r"out of memory|failed to allocate|insufficient memory|bad_alloc|alloc_failed|larger than 2\^31", re.IGNORECASE
)
_LIBRARIES = ("mxnet", "cv2")


@dataclass(frozen=True)
class _Kind:
    logged: str
    written: str
    exit_code: int


_CUSTOMER = _Kind("Customer Error", "ClientError", 2)
_ALGORITHM = _Kind("Algorithm Error", "AlgorithmError", 1)
_PLATFORM = _Kind("Platform Error", "InternalServerError", 3)


def report(error: BaseException, path: Path, *, first: bool = True) -> int:
    """Log `error`, write the failure file at `path`, and return the exit code of the job.

    The codes are 2 where the customer can act, 1 where this program is at fault, 3 where the machine is. The file
    is the reason; a traceback follows where this program is at fault. Never raises because of `path`. Where this may
    not be the `first` process of the host to fail, a reason that is there already stays.
    """
    kind, message = _judge(error)
    trace = "\n\n" + "".join(traceback.format_exception(error)) if kind is _ALGORITHM else ""
    logger.error("%s: %s", kind.logged, message, exc_info=error if trace else None)
    if first or not path.exists():
        _write(path, _shortened(f"{kind.written}: {message}") + trace)
    return kind.exit_code


def exit_code(path: Path) -> int | None:
    """Return the exit code of the job whose failure file this is; None where there is no such file."""
    try:
        written = path.read_text(encoding="utf-8").partition(":")[0]
    except OSError:
        return None
    return next((kind.exit_code for kind in (_CUSTOMER, _PLATFORM) if kind.written == written), _ALGORITHM.exit_code)


def code_of(error: JobError) -> int:
    """Return the exit code of what ends with this error."""
    return _judge(error)[0].exit_code


def _judge(error: BaseException) -> tuple[_Kind, str]:
    if isinstance(error, UserError):
        return _CUSTOMER, str(error)
    if isinstance(error, PlatformError):
        return _PLATFORM, str(error)
    if isinstance(error, JobError):
        return _ALGORITHM, str(error)
    if _is_out_of_memory(error):
        return _CUSTOMER, (
            "out of memory: expected the batches to fit this machine; lower mini_batch_size or image_shape, or use a "
            f"larger instance (caused by {_said(error)})"
        )
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return _PLATFORM, f"the disk is full; give the job a larger volume (caused by {error})"
    return _ALGORITHM, f"internal error (caused by {_said(error)})"


def _is_out_of_memory(error: BaseException) -> bool:
    library = type(error).__module__.partition(".")[0]
    return isinstance(error, MemoryError) or (library in _LIBRARIES and bool(_OUT_OF_MEMORY.search(str(error))))


def _said(error: BaseException) -> str:
    """Return an error's class and words, without the C++ stack that MXNet puts before them."""
    name = type(error).__name__
    lines = [
        line for line in str(error).splitlines() if line and not line.startswith((" ", "\t", "Traceback", "Stack"))
    ]
    return f"{name}: {' '.join(lines).removeprefix(f'{name}: ')}"


def _shortened(reason: str) -> str:
    if len(reason) <= _REASON_LENGTH:
        return reason
    kept = _REASON_LENGTH - 64  # room for the note
    return f"{reason[:kept]}... {len(reason) - kept:,} more characters, the log has them all"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A file name that is not UTF-8 may be part of the message.
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        logger.error("failure file: cannot write %s: %s", path, error)  # noqa: TRY400 - the traceback that matters is above
