"""CSV files with a row for each box: RetinaNet's, without a header, and those whose header names the columns."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gluon_ssd.errors import UserError
from gluon_ssd.tools.annotated_image import AnnotatedImage, AnnotatedObject, DataSet, Size
from gluon_ssd.tools.box_form import BoxForm, Numbers
from gluon_ssd.tools.image_names import name_within

# Each column's name, and others that tools give it; compared without case.
_COLUMNS = {
    "image": ("image", "filename", "file_name", "path", "image_path", "imagepath", "image_id", "file"),
    "xmin": ("xmin", "x_min", "x1", "left"),
    "ymin": ("ymin", "y_min", "y1", "top"),
    "xmax": ("xmax", "x_max", "x2", "right"),
    "ymax": ("ymax", "y_max", "y2", "bottom"),
    "class": ("class", "class_name", "label", "name", "category"),
}
_OPTIONAL = {"width": ("width",), "height": ("height",), "difficult": ("difficult",)}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_WITHOUT_HEADER = {"image": 0, "xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4, "class": 5}
Row = Mapping[str, str]


def read_csv(source: Path, images: Path | None, *, classes: Sequence[str] | None) -> DataSet:
    """Return the images of a CSV file with one box a row, in order of their first rows.

    Without a header a row is `path,xmin,ymin,xmax,ymax,class`; a header names the columns in any order. Corners are
    edges in pixels from the left and the top. A row without a box only names an image.

    Args:
        source: the file.
        images: the folder that its paths refer to; None takes the file's own.
        classes: the names in order of their ids; None takes the sorted names of this file.

    Raises:
        UserError: the file cannot be read, or is no such table.
    """
    folder = source.parent if images is None else images
    if not folder.is_dir():
        raise UserError(f"--images: expected the folder of the images, got {str(folder)!r}, which is none")
    rows = _rows(source)
    found: dict[str, list[AnnotatedObject]] = defaultdict(list)
    sizes: dict[str, Size | None] = {}
    notes = []
    for line, row in rows:
        name = row["image"]
        if not name:
            notes.append(f"{source.name}, line {line}: dropped: row without an image")
            continue
        sizes.setdefault(name, _size(row))
        if any(row[corner] for corner in _CORNERS):
            found[name].append(_object(line, row))
    if not sizes:
        raise UserError(f"source: expected a row for each box in {source}, got none")
    _check_pixels(source, found.values())
    names = {item.class_name for items in found.values() for item in items} - {""}
    entries = [
        AnnotatedImage(name, folder / name, name_within(folder, name), BoxForm.CORNERS, tuple(found[name]), size)
        for name, size in sizes.items()
    ]
    return DataSet(
        label=source.name,
        class_names=tuple(sorted(names)) if classes is None else tuple(classes),
        entries=entries,
        notes=tuple(notes),
        dropped_objects=len(notes),
    )


def _rows(source: Path) -> list[tuple[int, Row]]:
    """Return the rows that are not blank, each with its line's number and its values by column."""
    try:
        with source.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True, skipinitialspace=True)
            rows = [(reader.line_num, [value.strip() for value in row]) for row in reader if any(row)]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"source: expected a CSV file, got {source}: {error}") from error
    except csv.Error as error:
        raise UserError(
            f"{source.name}, line {reader.line_num}: expected values between commas, got: {error}"
        ) from error
    if not rows:
        raise UserError(f"source: expected a row for each box in {source}, got none")
    columns = _WITHOUT_HEADER if _is_data(rows[0][1]) else _header(source, rows.pop(0)[1])
    return [(line, _by_column(source, line, row, columns)) for line, row in rows]


def _is_data(row: Sequence[str]) -> bool:
    """Tell whether a first row has a box, or the blanks of an image without one, where RetinaNet's has it."""
    corners = row[1:5]
    return len(row) == len(_WITHOUT_HEADER) and (not any(corners) or all(map(_is_number, corners)))


def _header(source: Path, row: Sequence[str]) -> dict[str, int]:
    """Return the place of each column that a header names."""
    names = [name.lower() for name in row]
    columns = {}
    for column, aliases in {**_COLUMNS, **_OPTIONAL}.items():
        place = next((names.index(alias) for alias in aliases if alias in names), None)
        if place is not None:
            columns[column] = place
    missing = [column for column in _COLUMNS if column not in columns]
    if missing:
        raise UserError(
            f"{source.name}, line 1: expected path,xmin,ymin,xmax,ymax,class or a header with the columns "
            f"{', '.join(_COLUMNS)}, got no column {missing[0]!r} in {','.join(row)[:100]!r}{_other_separator(row)}"
        )
    return columns


def _other_separator(row: Sequence[str]) -> str:
    """Say what seems to stand between the values of a line without commas."""
    found = next((name for mark, name in _SEPARATORS.items() if len(row) == 1 and row[0].count(mark) > 1), None)
    return f", whose values seem to be separated by {found}; separate them by commas" if found else ""


def _by_column(source: Path, line: int, row: Sequence[str], columns: Mapping[str, int]) -> Row:
    if len(row) <= max(columns.values()):
        raise UserError(
            f"{source.name}, line {line}: expected at least {max(columns.values()) + 1} values, got {len(row)}"
        )
    return {column: row[place] for column, place in columns.items()}


def _object(line: int, row: Row) -> AnnotatedObject:
    values = [row[corner] for corner in _CORNERS]
    numbers: Numbers | None = None
    if all(map(_is_number, values)):
        xmin, ymin, xmax, ymax = map(float, values)
        numbers = (xmin, ymin, xmax, ymax)
    difficult = row.get("difficult", "").lower() in {"1", "true"}
    return AnnotatedObject(f"line {line}", row["class"], numbers, difficult)


def _size(row: Row) -> Size | None:
    sides = [row.get(side, "") for side in ("width", "height")]
    if not all(_is_number(side) and float(side) > 0 for side in sides):
        return None
    return int(float(sides[0])), int(float(sides[1]))


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _check_pixels(source: Path, images: Iterable[Sequence[AnnotatedObject]]) -> None:
    """Refuse boxes in fractions, which would pass for boxes of less than a pixel."""
    boxes = [item.numbers for items in images for item in items if item.numbers is not None]
    if boxes and all(max(map(abs, box)) <= 1 for box in boxes):
        raise UserError(
            f"source: expected box corners in pixels in {source}, got none beyond 1; they look like fractions of the "
            "image, multiply them by its width and height"
        )
