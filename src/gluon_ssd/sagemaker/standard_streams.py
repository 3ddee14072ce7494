"""Standard output and error as people have them: terminals of any encoding, and pipes that a reader closes early."""

import io
import os
import sys
from typing import TextIO

READER_GONE = 141  # what a shell sees of a program that writes into a pipe which nobody reads any more


def accept_any_text(*streams: TextIO) -> None:
    """Write what a stream's encoding lacks, and names that are no text, with backslashes instead of failing."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """Let all that is written to standard output from now on vanish; also what is still to be written at exit."""
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a descriptor is all that is wanted
        os.dup2(nothing.fileno(), sys.__stdout__.fileno() if sys.__stdout__ else 1)
