"""`gluon-ssd train --hosts`: a job of several hosts on one machine."""

import json
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from contract.job import clean_environment
from contract.left_over import left_over
from gluon_ssd.tools.scenes import write_scenes

pytestmark = pytest.mark.slow
TINY = ("num_classes=5", "base_network=resnet-18", "image_shape=64", "epochs=1", "mini_batch_size=3")


def train(folder: Path, *hyperparameters: str, hosts: int = 2, **environment: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    records = folder / "scenes.rec"
    if not records.exists():
        write_scenes(records, images=6, seed=3)
    program = Path(sys.executable).with_name("gluon-ssd")
    given = ["--train", records, "--validation", records, "--output", folder / "job", "--hosts", hosts]
    return subprocess.run(
        list(map(str, [program, "train", *given, "--hyperparameter", *hyperparameters])),
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_hosts_of_one_machine_train_one_model(tmp_path: Path) -> None:
    ended = train(tmp_path, *TINY)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    job, other = tmp_path / "job", tmp_path / "job" / "hosts" / "127.0.0.2"
    assert "host=127.0.0.1, epoch=0, batch=1 train" in ended.stdout
    assert "host=127.0.0.2" not in ended.stdout
    assert "host=127.0.0.2, epoch=0, batch=1 train" in (other / "log.txt").read_text()
    assert (job / "output" / "model.tar.gz").exists()
    assert not list((other / "model").iterdir())
    config = json.loads((other / "input" / "config" / "resourceconfig.json").read_text())
    assert config == {"current_host": "127.0.0.2", "hosts": ["127.0.0.1", "127.0.0.2"]}


def test_the_log_of_a_host_that_failed_is_named_and_the_job_may_be_laid_out_again(tmp_path: Path) -> None:
    ended = train(tmp_path, *TINY, "label_width=7")
    assert ended.returncode == 2
    log = tmp_path / "job" / "hosts" / "127.0.0.2" / "log.txt"
    assert f"host 127.0.0.2 ended with exit code 2; its log is {log}" in ended.stderr
    assert "label_width" in log.read_text()
    again = train(tmp_path, *TINY, "label_width=8", hosts=1)
    assert again.returncode == 2
    assert not log.exists()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_hosts_end_with_the_terminal_or_the_command_that_started_them(tmp_path: Path, number: signal.Signals) -> None:
    write_scenes(tmp_path / "scenes.rec", images=6, seed=3)
    program = Path(sys.executable).with_name("gluon-ssd")
    given = ["--train", tmp_path / "scenes.rec", "--validation", tmp_path / "scenes.rec", "--output", tmp_path / "job"]
    words = [program, "train", *given, "--hosts", 2, "--hyperparameter", *TINY, "epochs=100000"]
    with subprocess.Popen(
        list(map(str, words)), env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        assert any("epoch=1," in line for line in process.stdout)
        process.send_signal(number)
        process.communicate(timeout=60)  # to the end of what its hosts write, which is theirs
    assert process.returncode != 0
    job = tmp_path / "job"
    until = time.monotonic() + 30
    while left_over([job, job / "hosts" / "127.0.0.2"]) and time.monotonic() < until:
        time.sleep(0.2)
    assert left_over([job, job / "hosts" / "127.0.0.2"]) == []
    if number == signal.SIGKILL:  # as after SIGTERM
        assert (job / "output" / "model.tar.gz").exists()


def test_a_system_that_cannot_end_hosts_with_their_command_is_told(tmp_path: Path) -> None:
    ended = train(tmp_path, *TINY, PATH=str(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr.endswith(
        "gluon-ssd: --hosts: expected the command setpriv, of the package util-linux, got none\n"
    )


def test_a_number_of_hosts_that_makes_no_sense_is_refused_before_a_folder_is_made(tmp_path: Path) -> None:
    ended = train(tmp_path, *TINY, hosts=65)
    assert (ended.returncode, ended.stderr) == (2, "gluon-ssd: --hosts: expected an integer from 1 to 64, got 65\n")
    assert not (tmp_path / "job").exists()


def test_horovod_that_is_missing_is_told_before_a_folder_is_made(tmp_path: Path) -> None:
    if find_spec("horovod") is not None:
        pytest.skip("Horovod is installed")
    ended = train(tmp_path, *TINY, "kv_store=horovod")
    assert ended.returncode == 3
    assert ended.stderr.startswith("gluon-ssd: kv_store: expected what horovod needs to be installed, got no ")
    assert "Horovod 0.28.1 built with MXNet (docker/build_horovod.sh)" in ended.stderr
    assert not (tmp_path / "job").exists()


def test_settings_of_mpi_that_act_on_nothing_are_told(tmp_path: Path) -> None:
    told = train(tmp_path, *TINY, "kv_store=dist_sync", "sagemaker_mpi_enabled=true", hosts=1)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "WARNING" in told.stdout + told.stderr
    assert (
        "sagemaker_mpi_*: expected kv_store horovod, got dist_sync: these have no effect" in told.stdout + told.stderr
    )
    alone = train(tmp_path / "alone", *TINY, "kv_store=horovod", hosts=1)
    assert alone.returncode == 0, alone.stdout + alone.stderr
    assert "one process has nobody to share gradients with: Horovod is not used" in alone.stdout + alone.stderr
