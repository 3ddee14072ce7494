"""What is in the image, and what is not."""

import json
import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from image.container import DEVICE, IMAGE, output_of
from image.sdk import ROOT

pytestmark = pytest.mark.docker

LARGEST = {"cpu": 1.15e9, "gpu": 4.65e9}
LIST = "import importlib.metadata as m; print(*(d.name + '==' + d.version for d in m.distributions({})), sep='\\n')"
FOLDERS = "cd /opt/nvidia && find -mindepth 1 -maxdepth 1 -type d ! -name '*.dist-info' -printf '%f\\n'"
BUILD_TOOLS = "gcc g++ cc c++ clang as ld ar make cmake ninja nvcc pip pip3 git"
PIP_CHECK = ("python", "-m", "pip", "--disable-pip-version-check", "check")
DPKG = ("dpkg-query", "--show")
OF_OPENCV = 'numpy>=2; python_version >= "3.9"'
CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def packages(where: str = "") -> set[str]:
    """Return the Python packages of the image, or those of `path=[...]`, as a lock file names them."""
    return {as_locked(line) for line in output_of("python", "-c", LIST.format(where)).split()}


def as_locked(package: str) -> str:
    """Return NAME==VERSION as a lock file spells it."""
    return package.lower().replace("_", "-")


def locked(name: str) -> set[str]:
    return set(re.findall(r"^[a-z].*?==\S+", (ROOT / "docker" / f"{name}.txt").read_text(), re.MULTILINE))


def test_the_image_is_no_larger_than_it_may_be() -> None:
    size = int(subprocess.check_output(["docker", "image", "inspect", "--format", "{{.Size}}", IMAGE]))
    assert size < LARGEST[DEVICE]


def test_the_python_packages_are_those_of_the_lock_and_no_other() -> None:
    jobs = "requirements-gpu" if DEVICE == "gpu" else "requirements"
    assert packages() == {*locked(jobs), *locked("horovod"), "gluon-ssd==0.1.0"}


def test_nvidias_libraries_are_those_of_the_lock_and_no_other() -> None:
    expected = {name for name in locked("cuda") if DEVICE == "gpu" and "cusparse" not in name}
    assert packages("path=['/opt/nvidia']") == expected
    with_files = {f"nvidia-{name.replace('_', '-')}-cu11" for name in output_of("sh", "-c", FOLDERS).split()}
    assert with_files == {name.split("==")[0] for name in expected}


def test_nothing_is_missing_but_what_no_job_imports() -> None:
    # pip is not in the image: that of this machine looks at it.
    pip = Path(sysconfig.get_path("purelib")) / "pip"
    checked = subprocess.run(
        ["docker", "run", "--rm", "--volume", f"{pip}:/pip/pip:ro", "--env", "PYTHONPATH=/pip", IMAGE, *PIP_CHECK],
        capture_output=True,
        text=True,
        check=False,
    )
    missing = {line for line in checked.stdout.splitlines() if "gluon-ssd 0.1.0 requires mxnet" not in line}
    assert missing == {
        "gluoncv 0.10.5.post0 requires autocfg, which is not installed.",
        "gluoncv 0.10.5.post0 requires matplotlib, which is not installed.",
        "gluoncv 0.10.5.post0 requires opencv-python, which is not installed.",
        "gluoncv 0.10.5.post0 requires pandas, which is not installed.",
        "gluoncv 0.10.5.post0 requires yacs, which is not installed.",
        "onnxruntime 1.32.0 requires flatbuffers, which is not installed.",
        f"opencv-python-headless 4.14.0.94 has requirement {OF_OPENCV}, but you have numpy 1.23.5.",
        "sagemaker-training 5.1.4 requires gevent, which is not installed.",
        "sagemaker-training 5.1.4 requires inotify-simple, which is not installed.",
        "sagemaker-training 5.1.4 requires pip, which is not installed.",
        "sagemaker-training 5.1.4 requires retrying, which is not installed.",
        "sagemaker-training 5.1.4 requires werkzeug, which is not installed.",
    }


@pytest.fixture(scope="module")
def new_build() -> Iterator[str]:
    """Yield an image of Debian's part alone, built anew."""
    arguments = ["--build-arg", "BASE_IMAGE"] if "BASE_IMAGE" in os.environ else []
    built = subprocess.run(
        ["docker", "build", "--quiet", "--no-cache", *arguments, "--target", "system", str(ROOT)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    image = built.stdout.split()[-1]
    yield image
    subprocess.run(["docker", "image", "rm", image], capture_output=True, check=False)


def debian_packages(image: str) -> dict[str, str]:
    """The versions of Debian's packages by name."""
    listed = subprocess.check_output(["docker", "run", "--rm", image, *DPKG], text=True)
    return dict(re.findall(r"^([^:\t]+)\S*\t(\S+)$", listed, re.MULTILINE))  # libopenmpi3:amd64 too


def outdated(image: str) -> set[str]:
    """The packages of an image that Debian has newer ones of."""
    simulated = "apt-get -qq --error-on=any update && apt-get --simulate upgrade"
    said = subprocess.check_output(["docker", "run", "--rm", image, "sh", "-c", simulated], text=True)
    return set(re.findall(r"^Inst (\S+)", said, re.MULTILINE))


def test_two_builds_have_the_same_packages_of_debian_but_for_its_updates_in_between(new_build: str) -> None:
    """Those of Python are the lock's, by the tests above; the image's layer of these may be older than an update."""
    first, second = debian_packages(IMAGE), debian_packages(new_build)
    assert "libopenmpi3" in first
    assert set(first) == set(second)
    assert {name for name in first if first[name] != second[name]} == outdated(IMAGE)


def test_a_new_build_has_all_of_debians_updates(new_build: str) -> None:
    assert outdated(new_build) == set()


def test_debians_security_updates_are_among_its_sources() -> None:
    assert "bookworm-security" in output_of("sh", "-c", "cat /etc/apt/sources.list /etc/apt/sources.list.d/*; true")


def test_there_is_no_compiler_and_no_installer_of_python_packages() -> None:
    script = f"for tool in {BUILD_TOOLS}; do command -v $tool; done; true"
    assert output_of("sh", "-c", script) == ""
    for package in ("pip", "setuptools", "wheel"):
        assert output_of("sh", "-c", f"python -c 'import {package}' 2>&1 | tail -n 1").startswith("ModuleNotFoundError")


def test_no_cache_and_no_leftover_of_the_build_remains() -> None:
    folders = "/build /tmp /var/tmp /root/.cache /var/lib/apt/lists /var/cache/apt /var/cache/ldconfig /var/log"
    found = output_of("sh", "-c", f"find {folders} -type f 2> /dev/null; true").split()
    assert found == []
    assert output_of("sh", "-c", "find /opt -name '*.h' -path '*mxnet*'").split() == []


def test_the_certificate_authorities_are_those_of_debian_alone() -> None:
    trusted = set(CERTIFICATE.findall(output_of("cat", "/etc/ssl/certs/ca-certificates.crt")))
    of_debian = set(CERTIFICATE.findall(output_of("sh", "-c", "cat /usr/share/ca-certificates/mozilla/*.crt")))
    assert len(trusted) > 100
    assert trusted <= of_debian
    assert output_of("find", "/usr/local/share/ca-certificates", "-type", "f") == ""
    history = subprocess.check_output(["docker", "history", "--no-trunc", IMAGE], text=True)
    assert "BEGIN CERTIFICATE" not in history


def test_there_is_no_private_key() -> None:
    command = "grep -rIlE -e '^-----BEGIN .*PRIVATE KEY-----' /etc /home /opt /root /srv /usr /var; true"
    assert output_of("sh", "-c", command).split() == []


def test_what_the_image_says_of_itself() -> None:
    inspected = subprocess.check_output(["docker", "image", "inspect", "--format", "{{json .Config}}", IMAGE])
    config = json.loads(inspected)
    assert config["Cmd"] == ["train"]
    assert not config.get("User")  # SageMaker's folders belong to root
    variables = dict(variable.split("=", 1) for variable in config["Env"])
    assert variables["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert variables["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    assert variables["LANG"] == "C.UTF-8"
    assert not {"EXTRA_CA_PEM", "PIP_CERT", "PYTHONPATH"} & variables.keys()


def test_horovod_has_what_workers_speak_through() -> None:
    said = output_of("horovodrun", "--check-build")
    assert re.findall(r"\[(.)\] (MXNet|MPI|Gloo)\b", said) == [
        ("X", name) for name in ("MXNet", "MPI", "Gloo", "MPI", "Gloo")
    ]
    assert ("[X] NCCL" in said) == (DEVICE == "gpu")


@pytest.mark.parametrize("command", ["train", "gluon-ssd"])
def test_the_commands_on_the_path_are_ours(command: str) -> None:
    assert output_of("sh", "-c", f"command -v {command}").startswith("/opt/program/")


def test_pretrained_weights_have_a_folder() -> None:
    assert output_of("ls", "-d", "/usr/local/share/gluon-ssd/pretrained").strip()
