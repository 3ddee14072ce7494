"""Data sets in common layouts, turned into what the built-in algorithm reads."""

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from pathlib import Path

from tqdm import tqdm

from gluon_ssd.data.class_names import parse_class_names
from gluon_ssd.errors import UserError
from gluon_ssd.tools.annotated_image import DataSet
from gluon_ssd.tools.output_formats import KEEPS_DIFFICULT, open_output
from gluon_ssd.tools.prepare_account import PrepareAccount, PrepareSummary
from gluon_ssd.tools.prepare_workers import Outcome, prepare_images
from gluon_ssd.tools.prepared_image import prepare_image

_NAME_FILES = (".txt", ".names", ".classes", ".csv", ".yaml", ".yml")


def prepare(
    data_set: DataSet, output: Path, form: str = "recordio", *, jobs: int = 1, max_side: int | None = None
) -> PrepareSummary:
    """Write a data set in one of the formats, with its class names; the same whatever the number of jobs.

    Images are copied as they are, but for large ones. One whose objects are all left out is kept, as background.

    Args:
        data_set: the images; those that cannot be used are left out, and noted.
        output: what the format writes: a .rec file, a folder of images, or a .manifest file.
        form: one of the formats.
        jobs: how many processes read images.
        max_side: shrink images whose longer side has more pixels; None copies them all.

    Raises:
        UserError: an object's class is not among the class names, nothing is left, or the output cannot be written.
        PlatformError: one of the processes died.
    """
    for name, number in (("--jobs", jobs), ("--max-side", max_side)):
        if number is not None and number < 1:
            raise UserError(f"{name}: expected at least 1, got {number}")
    account = PrepareAccount(data_set)
    labels = {name: label for label, name in enumerate(data_set.class_names)}
    convert = partial(prepare_image, labels=labels, max_side=max_side)
    with (
        open_output(form, output, data_set) as files,
        closing(prepare_images(data_set.entries, convert, jobs)) as outcomes,
    ):
        for outcome in _with_progress(outcomes, data_set, output):
            image = account.note(outcome)
            if image is not None:
                files.add(image)
        account.check()
    if form not in KEEPS_DIFFICULT:
        account.note_lost_difficult(form)
    return account.summary(output)


def _with_progress(outcomes: Iterable[Outcome], data_set: DataSet, output: Path) -> Iterable[Outcome]:
    title = f"{data_set.label} to {output.name}"
    return tqdm(outcomes, desc=title, total=len(data_set.entries), unit=" images", disable=None)


def parse_classes(argument: str) -> tuple[str, ...]:
    """Return the class names that a command's argument gives: a file with one a line, or names between commas.

    Raises:
        UserError: there are none, one occurs twice, or the argument names a file that is not there.
    """
    if _looks_like_a_file(argument) and not Path(argument).is_file():
        raise UserError(
            f"--classes: expected names between commas or a file with one a line, got no such file {argument}"
        )
    if Path(argument).is_file():
        try:
            names = parse_class_names(Path(argument).read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"--classes: expected a text file, got {argument}: {error}") from error
    else:
        names = parse_class_names(argument.replace(",", "\n"))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice or not names:
        got = f"{twice[0]!r} twice" if twice else "none"
        raise UserError(
            f"--classes: expected different names, from a file or between commas, got {got} in {argument!r}"
        )
    return names


def _looks_like_a_file(argument: str) -> bool:
    return "," not in argument and ("/" in argument or Path(argument).suffix.lower() in _NAME_FILES)
