"""What docker/build_horovod.sh says, before it builds anything, where something that it needs is missing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "docker" / "build_horovod.sh"
COMPILERS = ("mpicxx", "cmake", "c++", "make")


def build(folder: Path, *, without: str = "", python: str = sys.executable) -> str:
    """Run the script, as nobody in particular and with stubs for compilers, and return what it says as it fails."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("dirname", "mkdir"):
        (programs / name).symlink_to(shutil.which(name) or "")
    for name, does in {"id": "echo 1000", **dict.fromkeys(COMPILERS, "exit 1")}.items():
        if name != without:
            write_program(programs / name, does)
    ended = subprocess.run(
        ["/bin/sh", str(SCRIPT), str(folder / "wheels")],
        env={"PATH": str(programs), "PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    return ended.stderr


def write_program(path: Path, does: str) -> None:
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("missing", COMPILERS)
def test_a_compiler_or_make_that_is_missing_is_told_by_who_cannot_install_it(tmp_path: Path, missing: str) -> None:
    assert build(tmp_path, without=missing) == (
        "build_horovod.sh: expected mpicxx, cmake, a C++ compiler and make; install libopenmpi-dev, openmpi-bin, "
        "cmake, g++, make\n"
    )


def test_headers_of_python_that_are_missing_are_told(tmp_path: Path) -> None:
    python = tmp_path / "python"
    write_program(python, f"echo {tmp_path}/include")
    assert build(tmp_path, python=str(python)) == (
        f"build_horovod.sh: expected the headers of {python}, got no {tmp_path}/include/Python.h; "
        "Debian has them in python3-dev\n"
    )
