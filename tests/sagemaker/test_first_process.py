import os
import signal
import subprocess
import sys
from pathlib import Path

from gluon_ssd.sagemaker.first_process import FirstProcess

TELL = (
    "import sys, time; from pathlib import Path; from gluon_ssd.sagemaker.first_process import FirstProcess; "
    "FirstProcess(Path(sys.argv[1])).starts(); print('told', flush=True); time.sleep(60)"
)


def test_nothing_is_known_before_it_starts(tmp_path: Path) -> None:
    first = FirstProcess(tmp_path / "output" / "told")
    assert (first.has_started, first.runs, first.has_ended_well) == (False, False, False)


def test_one_that_runs_is_asked_to_stop_and_counts_as_gone_when_it_is_dead(tmp_path: Path) -> None:
    first = FirstProcess(tmp_path / "output" / "told")
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", TELL, str(first.path)], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout
        process.stdout.readline()
        assert (first.has_started, first.runs, first.has_ended_well) == (True, True, False)
        first.ask_to_stop()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet asked for
        assert (first.has_started, first.runs, first.has_ended_well) == (True, False, False)
        assert process.wait() == -signal.SIGTERM
    first.ask_to_stop()


def test_one_that_has_done_its_job_says_so_until_that_is_forgotten(tmp_path: Path) -> None:
    first = FirstProcess(tmp_path / "told")
    first.ends_well()
    assert (first.has_started, first.runs, first.has_ended_well) == (True, False, True)
    assert [path.name for path in tmp_path.iterdir()] == ["told"]
    first.forget()
    assert (first.has_started, first.has_ended_well) == (False, False)


def test_what_started_it_is_asked_to_end(tmp_path: Path) -> None:
    first = FirstProcess(tmp_path / "output" / "told")
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    script = "trap 'kill $child; exit 5' TERM; \"$@\" & child=$!; wait"
    command = ["sh", "-c", script, "sh", sys.executable, "-c", TELL, str(first.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as launcher:
        assert launcher.stdout
        launcher.stdout.readline()
        first.end_what_started_it()
        assert launcher.wait(30) == 5
    first.end_what_started_it()
