"""The channels of image + JSON: a folder of images, and one that mirrors it with a JSON file for each."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gluon_ssd.data.class_names import write_class_names
from gluon_ssd.errors import UserError
from gluon_ssd.file_kinds import IMAGES, with_suffix
from gluon_ssd.tools.pixel_annotation import describe
from gluon_ssd.tools.prepared_image import PreparedImage
from gluon_ssd.tools.written_aside import expect_free, written_aside

_OTHER_FORMATS = {".rec": "recordio", ".manifest": "manifest"}


class ImageJsonFiles:
    """Writes images and their annotations into two folders."""

    def __init__(self, images: Path, annotations: Path, class_names: Sequence[str]) -> None:
        self._images, self._annotations = images, annotations
        self._categories = [{"class_id": label, "name": name} for label, name in enumerate(class_names)]
        self._images.mkdir()
        self._annotations.mkdir()

    def add(self, image: PreparedImage) -> None:
        """Write an image and its annotation.

        Raises:
            UserError: the image's name cannot be mirrored, or an earlier one is mirrored by the same file.
        """
        target = self._images / image.name
        annotation = (self._annotations / image.name).with_suffix(".json")
        if not with_suffix([target.name], IMAGES):
            raise UserError(f"--output: expected images called {', '.join(IMAGES)}, got {image.name!r}; rename it")
        if annotation.exists():
            name = annotation.relative_to(self._annotations).as_posix()
            raise UserError(f"--output: expected one image for {name}, got {image.name!r} after another; rename it")
        document = {"file": image.name, **describe(image.sample, image.size), "categories": self._categories}
        for path in (target, annotation):
            path.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(image.sample.image)
        annotation.write_text(json.dumps(document) + "\n", encoding="utf-8")


@contextmanager
def write_image_json_files(output: Path, class_names: Sequence[str]) -> Iterator[ImageJsonFiles]:
    """Open the folders `output` and `<output>_annotation` for writing; both appear when the block ends, or none.

    The class names go to `<output>.classes` in the first, since the categories of annotations never count.

    Raises:
        UserError: the name is that of a file, one of them holds something already, or cannot be written.
    """
    if output.suffix in _OTHER_FORMATS:
        raise UserError(
            f"--output: expected the name of a folder, such as data/train, got {str(output)!r}; give --format "
            f"{_OTHER_FORMATS[output.suffix]} for such a file"
        )
    if not output.name:
        raise UserError(f"--output: expected the name of a folder, such as data/train, got {str(output)!r}")
    annotation = output.with_name(f"{output.name}_annotation")
    for target in (output, annotation):
        expect_free(target)
    with written_aside(output) as aside:
        yield ImageJsonFiles(aside / "images", aside / "annotations", class_names)
        write_class_names(aside / "images" / f"{output.name}.classes", class_names)
        (aside / "annotations").replace(annotation)
        (aside / "images").replace(output)
