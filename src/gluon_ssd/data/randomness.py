"""Random generators that depend on the seed and on what is drawn for, not on how many draws came before.

So neither the number of worker processes nor a job that resumes changes what an image looks like.
"""

from numpy.random import Generator, Philox

# Philox counts up in the first word of its counter; the second keeps the two kinds of generator apart.
_RECORDS, _PASSES = range(2)


def for_record(seed: int, *, passage: int, record: int) -> Generator:
    """Return the generator that augments a record in one passage over the data."""
    return Generator(Philox(key=seed, counter=[0, _RECORDS, passage, record]))


def for_passage(seed: int, *, passage: int) -> Generator:
    """Return the generator that shuffles the records for one passage over the data."""
    return Generator(Philox(key=seed, counter=[0, _PASSES, passage, 0]))
