"""More options of mpirun, as users of SageMaker give them to sagemaker-training."""

import argparse
import json
import shlex
from collections.abc import Sequence

# No option of mpirun, but sagemaker-training's own.
_OWN = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
_OWN.add_argument("--NCCL_DEBUG")


def parse(text: str) -> tuple[str, ...]:
    """Return the options as words; the SageMaker SDK makes a JSON string of them.

    Raises:
        ValueError: a quotation has no end, or an option of sagemaker-training's no value.
    """
    words = tuple(shlex.split(_plain(text)))
    try:
        of_mpirun(words)
    except argparse.ArgumentError as error:
        raise ValueError(str(error)) from error
    return words


def of_mpirun(words: Sequence[str]) -> list[str]:
    """Return the words by which mpirun takes these options."""
    own, others = _OWN.parse_known_args(words)
    return [*(["-x", f"NCCL_DEBUG={own.NCCL_DEBUG}"] if own.NCCL_DEBUG else []), *others]


def _plain(text: str) -> str:
    try:
        said = json.loads(text)
    except json.JSONDecodeError:
        return text
    return said if isinstance(said, str) else text
