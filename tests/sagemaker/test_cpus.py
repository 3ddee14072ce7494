import os
from pathlib import Path

import pytest

from gluon_ssd.sagemaker import cpus

ALLOWED = len(os.sched_getaffinity(0))


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cpu.max": "max 100000\n"},
        {"cpu.max": "6400000 100000\n"},
        {"cpu.max": "nonsense\n"},
        {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
        {"cpu/cpu.cfs_quota_us": "100000\n"},
    ],
)
def test_without_a_smaller_quota_every_allowed_cpu_counts(tmp_path: Path, files: dict[str, str]) -> None:
    assert cpus.available(write(tmp_path, files)) == ALLOWED


@pytest.mark.parametrize(
    "files",
    [
        {"cpu.max": "100000 100000\n"},
        {"cpu.max": "150000 100000\n"},
        {"cpu.max": "20000 100000\n"},
        {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"},
        {"cpu/cpu.cfs_quota_us": "75000\n", "cpu/cpu.cfs_period_us": "50000\n"},
    ],
)
def test_a_quota_counts_whole_cpus_and_at_least_one(tmp_path: Path, files: dict[str, str]) -> None:
    assert cpus.available(write(tmp_path, files)) == 1


def test_a_quota_above_one_cpu_is_kept_where_there_are_enough(tmp_path: Path) -> None:
    assert cpus.available(write(tmp_path, {"cpu.max": "299999 100000\n"})) == min(ALLOWED, 2)


def test_affinity_bounds_the_count(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert cpus.available(tmp_path) == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize("text", [None, "", " ", "0", "many", ",2", "-1", "\u0663"])
def test_an_unset_variable_is_set_to_the_available_cpus(text: str | None) -> None:
    environ = {"PATH": "/bin"} if text is None else {"PATH": "/bin", "OMP_NUM_THREADS": text}

    claimed = cpus.claim(environ)

    assert claimed == cpus.available()
    assert environ == {"PATH": "/bin", "OMP_NUM_THREADS": str(claimed)}


@pytest.mark.parametrize(("text", "threads"), [("3", 3), ("5,2", 5), (" 7 ", 7), ("08", 8)])
def test_a_variable_that_is_set_counts_by_its_first_number(text: str, threads: int) -> None:
    environ = {"OMP_NUM_THREADS": text}

    assert cpus.claim(environ) == threads
    assert environ == {"OMP_NUM_THREADS": str(threads)}  # a list ends MXNet


def test_processes_of_a_machine_share_the_cpus_unless_a_number_is_set() -> None:
    assert cpus.claim({}, processes=cpus.available()) == 1
    assert cpus.claim({}, processes=1000) == 1
    assert cpus.claim({"OMP_NUM_THREADS": "3"}, processes=1000) == 3


def test_flags_are_those_of_the_first_cpu(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(
        "processor\t: 0\nflags\t\t: fpu avx512_bf16 amx_tile\nbugs\t\t: x\n\nprocessor\t: 1\nflags\t\t: fpu\n"
    )
    assert cpus.flags(cpuinfo) == {"fpu", "avx512_bf16", "amx_tile"}


def test_there_are_no_flags_where_the_kernel_lists_none(tmp_path: Path) -> None:
    assert cpus.flags(tmp_path / "missing") == frozenset()
    (tmp_path / "arm").write_text("processor\t: 0\nFeatures\t: fp asimd\n")
    assert cpus.flags(tmp_path / "arm") == frozenset()
