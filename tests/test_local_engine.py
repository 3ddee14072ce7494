import shutil
import subprocess
import time
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "docker" / "local-engine.sh"


def call(*words: str, state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *words],
        env={"PATH": "/usr/bin:/bin", "ENGINE_STATE": str(state)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_engine_that_it_did_not_start_is_not_stopped(tmp_path: Path) -> None:
    assert call("stop", state=tmp_path / "none").returncode == 0


def test_a_process_that_has_the_number_of_an_engine_that_is_gone_lives_on(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with subprocess.Popen(["sleep", "60"]) as other:
        (state / "pid").write_text(f"{other.pid}\n")
        assert call("stop", state=state).returncode == 0
        assert other.poll() is None
        other.kill()
    assert not state.exists()


def test_an_engine_that_is_dead_and_that_nobody_has_asked_for_is_stopped(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    engine = tmp_path / "dockerd"
    shutil.copy("/bin/sleep", engine)
    with subprocess.Popen([engine, "60"]) as process:  # it stays in the table of processes until this asks for it
        (state / "pid").write_text(f"{process.pid}\n")
        started = time.monotonic()
        assert call("stop", state=state).returncode == 0
        assert time.monotonic() - started < 30
        assert process.poll() == -15
    assert not state.exists()


def test_another_word_is_refused(tmp_path: Path) -> None:
    refused = call("restart", state=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr == "local-engine.sh: expected start, compose or stop, got 'restart'\n"
