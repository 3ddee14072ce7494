"""Data sets in common layouts, turned into what the built-in algorithm reads."""

from collections import Counter
from pathlib import Path

from tqdm import tqdm

from gluon_ssd.data.class_names import parse_class_names
from gluon_ssd.errors import UserError
from gluon_ssd.tools.annotated_image import DataSet
from gluon_ssd.tools.output_formats import KEEPS_DIFFICULT, open_output
from gluon_ssd.tools.prepare_account import PrepareAccount, PrepareSummary
from gluon_ssd.tools.prepared_image import prepare_image


def prepare(data_set: DataSet, output: Path, form: str = "recordio") -> PrepareSummary:
    """Write a data set in one of the formats, with its class names.

    Images are copied as they are. An image whose objects are all left out is kept, as background.

    Args:
        data_set: the images; those that cannot be used are left out, and noted.
        output: what the format writes: a .rec file, a folder of images, or a .manifest file.
        form: one of the formats.

    Raises:
        UserError: an object's class is not among the class names, nothing is left, or the output cannot be written.
    """
    account = PrepareAccount(data_set)
    labels = {name: label for label, name in enumerate(data_set.class_names)}
    with open_output(form, output, data_set) as files:
        entries = tqdm(data_set.entries, desc=f"{data_set.label} to {output.name}", unit=" images", disable=None)
        for entry in entries:
            image = account.note(prepare_image(entry, labels))
            if image is not None:
                files.add(image)
        account.check()
    if form not in KEEPS_DIFFICULT:
        account.note_lost_difficult(form)
    return account.summary(output)


def parse_classes(argument: str) -> tuple[str, ...]:
    """Return the class names that a command's argument gives: a file with one a line, or names between commas.

    Raises:
        UserError: there are none, or one occurs twice.
    """
    if Path(argument).is_file():
        try:
            names = parse_class_names(Path(argument).read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"classes: expected a text file, got {argument}: {error}") from error
    else:
        names = parse_class_names(argument.replace(",", "\n"))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice or not names:
        got = f"{twice[0]!r} twice" if twice else "none"
        raise UserError(f"classes: expected different names, from a file or between commas, got {got} in {argument!r}")
    return names
