"""Numbers of things, for messages."""


def counted(number: int, noun: str, *, plural: str = "") -> str:
    """Return a number with its noun: `1 image`, `2,000 images`; `plural` is for nouns that take more than an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
