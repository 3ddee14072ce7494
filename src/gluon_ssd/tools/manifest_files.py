"""An augmented manifest as SageMaker Ground Truth writes it, with the images and the class names beside it."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from gluon_ssd.data.class_names import write_class_names
from gluon_ssd.errors import UserError
from gluon_ssd.tools.pixel_annotation import describe
from gluon_ssd.tools.prepared_image import PreparedImage
from gluon_ssd.tools.written_aside import expect_classes, expect_free, expect_new, written_aside

SUFFIX = ".manifest"
LABEL_ATTRIBUTE = "bounding-box"


class ManifestFiles:
    """Appends lines to an open manifest, and writes the images that they refer to."""

    def __init__(self, manifest: TextIO, images: Path, folder: str, class_names: Sequence[str]) -> None:
        self._manifest, self._images, self._folder = manifest, images, folder
        self._class_names = class_names
        self._images.mkdir()

    def add(self, image: PreparedImage) -> None:
        """Write an image and the line for it.

        Raises:
            UserError: there is an image of that name already.
        """
        target = self._images / image.name
        if target.exists():
            raise UserError(f"--output: expected images of different names, got {image.name!r} twice; rename one")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(image.sample.image)
        labels = sorted({int(label) for label in image.sample.objects[:, 0]})
        line = {
            "source-ref": f"{self._folder}/{image.name}",
            LABEL_ATTRIBUTE: describe(image.sample, image.size),
            f"{LABEL_ATTRIBUTE}-metadata": {
                "objects": [{"confidence": 1} for _ in image.sample.objects],
                "class-map": {str(label): self._class_names[label] for label in labels},
                "type": "groundtruth/object-detection",
                "human-annotated": "yes",
            },
        }
        self._manifest.write(json.dumps(line) + "\n")


@contextmanager
def write_manifest_files(output: Path, class_names: Sequence[str]) -> Iterator[ManifestFiles]:
    """Open `output`, a manifest, and its images for writing; all appear when the block ends, or nothing.

    train.manifest refers to its images in the folder train_images beside it by paths from its own folder, so that
    all of it can be moved; train.classes holds the names of all classes.

    Raises:
        UserError: the name does not end in .manifest, one of the files is there already, the folder of the images holds
            something, or nothing can be written.
    """
    if output.suffix != SUFFIX:
        raise UserError(f"--output: expected a file name that ends in {SUFFIX}, got {str(output)!r}")
    images = output.with_name(f"{output.stem}_images")
    expect_new(output)
    expect_free(images)
    expect_classes(output.with_suffix(".classes"), class_names)
    with written_aside(output) as aside:
        with (aside / "manifest").open("w", encoding="utf-8") as manifest:
            yield ManifestFiles(manifest, aside / "images", images.name, class_names)
        write_class_names(aside / "classes", class_names)
        (aside / "classes").replace(output.with_suffix(".classes"))
        (aside / "images").replace(images)
        # Last: who finds it finds the rest.
        (aside / "manifest").replace(output)
