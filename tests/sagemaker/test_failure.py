import errno
import io
from collections.abc import Callable
from pathlib import Path

import cv2
import mxnet as mx
import numpy as np
import pytest

from gluon_ssd.errors import AlgorithmError, JobError, PlatformError, UserError
from gluon_ssd.sagemaker import failure


def raised(error: BaseException, *, cause: BaseException | None = None) -> BaseException:
    """Return `error` with the traceback that raising gives it."""
    with pytest.raises(type(error)) as caught:
        raise error from cause
    return caught.value


def test_a_customers_error_is_the_whole_file_and_code_2(tmp_path: Path, log: io.StringIO) -> None:
    path = tmp_path / "failure"
    message = "hyperparameters: epochs: expected an integer of at least 1, got 'x'"

    code = failure.report(raised(UserError(message), cause=ValueError("x")), path)

    assert code == 2
    assert path.read_text() == f"ClientError: {message}"
    assert log.getvalue().endswith(f"] Customer Error: {message}\n")
    assert " ERROR " in log.getvalue()
    assert "Traceback" not in log.getvalue()


NO_SPACE = "the disk is full; give the job a larger volume (caused by [Errno 28] No space left on device: 'a.params')"
QUOTA = "the disk is full; give the job a larger volume (caused by [Errno 122] Disk quota exceeded)"
NO_FILE = "internal error (caused by FileNotFoundError: [Errno 2] No such file: 'a.params')"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (AlgorithmError("m"), "m"),
        (JobError("m"), "m"),
        (KeyError("x"), "internal error (caused by KeyError: 'x')"),
        (OSError(errno.ENOENT, "No such file", "a.params"), NO_FILE),
    ],
)
def test_a_fault_of_the_program_comes_with_its_traceback(
    tmp_path: Path, log: io.StringIO, error: BaseException, message: str
) -> None:
    path = tmp_path / "failure"

    assert failure.report(raised(error), path) == 1

    reason, empty, heading, *trace = path.read_text().splitlines()
    assert (reason, empty, heading) == (f"AlgorithmError: {message}", "", "Traceback (most recent call last):")
    assert any("raise error from cause" in line for line in trace)
    assert f"] Algorithm Error: {message}\nTraceback (most recent call last):\n" in log.getvalue()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PlatformError("m"), "m"),
        (OSError(errno.ENOSPC, "No space left on device", "a.params"), NO_SPACE),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), QUOTA),
    ],
)
def test_a_fault_of_the_machine_is_told_in_one_line(
    tmp_path: Path, log: io.StringIO, error: BaseException, message: str
) -> None:
    path = tmp_path / "failure"

    assert failure.report(raised(error, cause=ValueError("x")), path) == 3

    assert path.read_text() == f"InternalServerError: {message}"
    assert log.getvalue().endswith(f"] Platform Error: {message}\n")
    assert "Traceback" not in log.getvalue()


def _too_large_for_numpy() -> None:
    np.ones(2**60, np.uint8)


def _too_large_for_mxnet() -> None:
    mx.nd.zeros((2**15, 2**15, 2**15 - 1)).wait_to_read()


def _too_large_for_opencv() -> None:
    cv2.resize(np.zeros((2, 2, 3), np.uint8), (2**30, 2**30))


@pytest.mark.parametrize("allocate", [_too_large_for_numpy, _too_large_for_mxnet, _too_large_for_opencv])
def test_no_memory_is_the_customers_to_mend(tmp_path: Path, allocate: Callable[[], None]) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has its own
        allocate()

    assert failure.report(caught.value, tmp_path / "failure") == 2
    written = (tmp_path / "failure").read_text()
    assert written.startswith(
        "ClientError: out of memory: expected the batches to fit this machine; lower mini_batch_size or image_shape"
    )
    assert "\n" not in written


def test_mxnets_own_stack_is_left_to_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(mx.MXNetError) as caught:
        mx.nd.dot(mx.nd.ones((2, 3)), mx.nd.ones((2, 3)))

    assert failure.report(caught.value, tmp_path / "failure") == 1
    reason = (tmp_path / "failure").read_text().splitlines()[0]
    assert reason.startswith("AlgorithmError: internal error (caused by MXNetError: Check failed: ")
    assert reason.endswith("dot shape error: [2,3] X [2,3])")


def test_a_full_disk_met_by_a_real_write_is_the_platforms(tmp_path: Path, log: io.StringIO) -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        Path("/dev/full").write_text("x")

    assert failure.report(caught.value, tmp_path / "failure") == 3
    assert "Platform Error: the disk is full" in log.getvalue()


def test_a_long_reason_fits_what_sagemaker_shows_and_says_what_is_cut(tmp_path: Path, log: io.StringIO) -> None:
    path = tmp_path / "failure"
    message = "".join(f"mistake {number}; " for number in range(300))

    failure.report(UserError(message), path)

    written = path.read_text()
    head, note = written.split("...")
    assert len(written) <= 1024
    assert f"ClientError: {message}".startswith(head)
    missing = len(f"ClientError: {message}") - len(head)
    assert note == f" {missing:,} more characters, the log has them all"
    assert message in log.getvalue()


def test_a_reason_of_just_the_right_length_is_kept_whole(tmp_path: Path, log: io.StringIO) -> None:
    path = tmp_path / "failure"
    message = "x" * (1024 - len("ClientError: "))

    failure.report(UserError(message), path)

    assert path.read_text() == f"ClientError: {message}"
    assert message in log.getvalue()


def test_a_missing_output_folder_is_made(tmp_path: Path, log: io.StringIO) -> None:
    path = tmp_path / "output" / "failure"

    assert failure.report(UserError("m"), path) == 2
    assert path.read_text() == "ClientError: m"
    assert "cannot write" not in log.getvalue()


def test_a_place_that_cannot_be_written_is_logged_and_the_code_stays(tmp_path: Path, log: io.StringIO) -> None:
    (tmp_path / "output").write_text("a file where the folder should be")
    path = tmp_path / "output" / "failure"

    assert failure.report(UserError("m"), path) == 2
    assert failure.report(PlatformError("m"), Path("/dev/full")) == 3

    assert "] Customer Error: m\n" in log.getvalue()
    assert f"failure file: cannot write {path}: " in log.getvalue()
    assert "failure file: cannot write /dev/full: [Errno 28] No space left on device" in log.getvalue()


def test_a_file_name_that_is_not_utf_8_does_not_break_the_report(tmp_path: Path) -> None:
    path = tmp_path / "failure"
    name = b"caf\xe9.rec".decode("utf-8", "surrogateescape")

    assert failure.report(UserError(f"train channel, {name}"), path) == 2
    assert path.read_text() == r"ClientError: train channel, caf\udce9.rec"


@pytest.mark.parametrize("error", [UserError("a"), PlatformError("b"), AlgorithmError("c"), ValueError("d")])
def test_a_failure_file_tells_the_exit_code(error: Exception, tmp_path: Path) -> None:
    code = failure.report(error, tmp_path / "failure")
    assert failure.exit_code(tmp_path / "failure") == code


def test_without_a_failure_file_there_is_no_exit_code(tmp_path: Path) -> None:
    assert failure.exit_code(tmp_path / "failure") is None


def test_a_process_that_may_not_be_the_first_to_fail_leaves_the_reason_of_the_first(tmp_path: Path) -> None:
    failure.report(UserError("the mistake"), tmp_path / "failure", first=False)
    assert failure.report(PlatformError("the other is gone"), tmp_path / "failure", first=False) == 3
    assert (tmp_path / "failure").read_text() == "ClientError: the mistake"
