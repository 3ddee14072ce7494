import pytest

from gluon_ssd.sagemaker import mpi_options


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("-x FOO=1 --verbose", ("-x", "FOO=1", "--verbose")),
        ('-x FOO="a b"', ("-x", "FOO=a b")),
        ('"--NCCL_DEBUG INFO"', ("--NCCL_DEBUG", "INFO")),  # as the SDK sends it
        (r'"-x FOO=\"a b\""', ("-x", "FOO=a b")),
        ('"-x" "FOO=a b"', ("-x", "FOO=a b")),
    ],
)
def test_options_are_split_as_a_shell_does_whether_or_not_they_come_as_json(text: str, words: tuple[str, ...]) -> None:
    assert mpi_options.parse(text) == words


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('-x FOO="a b', "No closing quotation"),
        ("--NCCL_DEBUG", "argument --NCCL_DEBUG: expected one argument"),
        ("--NCCL_DEBUG -x FOO=1", "argument --NCCL_DEBUG: expected one argument"),
    ],
)
def test_what_is_not_whole_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        mpi_options.parse(text)


def test_the_level_of_nccl_is_a_variable_of_the_environment() -> None:
    assert mpi_options.of_mpirun(["-v", "--NCCL_DEBUG", "WARN"]) == ["-x", "NCCL_DEBUG=WARN", "-v"]
