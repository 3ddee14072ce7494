"""A RecordIO file with what belongs beside it: index, list and class names."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TextIO

from gluon_ssd.data.class_names import write_class_names
from gluon_ssd.data.recordio import pack, write_record
from gluon_ssd.errors import UserError
from gluon_ssd.tools.prepared_image import PreparedImage
from gluon_ssd.tools.written_aside import expect_classes, expect_new, written_aside

LABEL_HEADER = 2
OBJECT_WIDTH = 6
# The records last: who finds them finds the rest.
SUFFIXES = (".classes", ".lst", ".idx", ".rec")


class RecordFiles:
    """Appends samples to an open .rec file, and their lines to its .idx and .lst (the forms of MXNet's im2rec)."""

    def __init__(self, records: BinaryIO, index: TextIO, listing: TextIO, folder: str) -> None:
        self._records, self._index, self._listing = records, index, listing
        self._folder = PurePosixPath(folder)
        self._count = 0

    def add(self, image: PreparedImage) -> None:
        """Append an image."""
        offset = write_record(self._records, pack(image.sample, self._count, object_width=OBJECT_WIDTH))
        self._index.write(f"{self._count}\t{offset}\n")
        numbers = [f"{number:.6f}" for number in image.sample.objects.ravel().tolist()]
        line = [str(self._count), str(LABEL_HEADER), str(OBJECT_WIDTH), *numbers, str(self._folder / image.name)]
        self._listing.write("\t".join(line) + "\n")
        self._count += 1


@contextmanager
def write_record_files(output: Path, class_names: Sequence[str], *, folder: str = "") -> Iterator[RecordFiles]:
    """Open `output`, a .rec file, and its companions for writing; all appear when the block ends, or none.

    `folder` is where the images lie in their data set: the list gives their paths from there.

    Raises:
        UserError: the name does not end in .rec, one of the files is there already, or they cannot be written.
    """
    if output.suffix != ".rec":
        raise UserError(
            f"--output: expected a file name that ends in .rec, got {str(output)!r}; readers look for *.rec"
        )
    for suffix in (".rec", ".idx", ".lst"):
        expect_new(output.with_suffix(suffix))
    expect_classes(output.with_suffix(".classes"), class_names)
    with written_aside(output) as aside:
        written = aside / output.name
        with ExitStack() as stack:
            yield RecordFiles(
                stack.enter_context(written.open("wb")),
                stack.enter_context(written.with_suffix(".idx").open("w", encoding="utf-8")),
                stack.enter_context(written.with_suffix(".lst").open("w", encoding="utf-8")),
                folder,
            )
        write_class_names(written.with_suffix(".classes"), class_names)
        for suffix in SUFFIXES:
            written.with_suffix(suffix).replace(output.with_suffix(suffix))
