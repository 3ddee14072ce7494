"""The formats that a data set can be prepared in: the inputs of the built-in algorithm."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from gluon_ssd.tools.annotated_image import DataSet
from gluon_ssd.tools.image_json_files import write_image_json_files
from gluon_ssd.tools.manifest_files import write_manifest_files
from gluon_ssd.tools.prepared_image import PreparedImage
from gluon_ssd.tools.record_files import write_record_files

FORMATS = ("recordio", "json", "manifest")
KEEPS_DIFFICULT = ("recordio",)


class OutputFiles(Protocol):
    """Files that are open for writing."""

    def add(self, image: PreparedImage) -> None:
        """Append an image."""


def open_output(form: str, output: Path, data_set: DataSet) -> AbstractContextManager[OutputFiles]:
    """Open `output` for the images of a data set; all of it appears when the context ends, or nothing.

    Raises:
        UserError: it cannot be written, or the format calls for another name.
    """
    match form:
        case "recordio":
            return write_record_files(output, data_set.class_names, folder=data_set.folder)
        case "json":
            return write_image_json_files(output, data_set.class_names)
        case "manifest":
            return write_manifest_files(output, data_set.class_names)
        case _:
            raise ValueError(f"format: expected one of {', '.join(FORMATS)}, got {form!r}")
