"""The annotation of an image as the built-in algorithm reads it from JSON: its size, and boxes in its pixels."""

from typing import Any

from gluon_ssd.data.sample import Sample

_DIGITS = 3  # a thousandth of a pixel: what a box of whole pixels loses in float32 is less


def describe(sample: Sample, size: tuple[int, int]) -> dict[str, list[dict[str, Any]]]:
    """Return `image_size` and `annotations` for an image of that width and height.

    Left and top are edges in pixels from the image's left and top, whole numbers where the box has whole ones.
    Whether an object is difficult cannot be said.
    """
    width, height = size
    return {
        "image_size": [{"width": width, "height": height, "depth": 3}],
        "annotations": [_annotation(row, width, height) for row in sample.objects.tolist()],
    }


def _annotation(row: list[float], width: int, height: int) -> dict[str, float]:
    left, right = round(row[1] * width, _DIGITS), round(row[3] * width, _DIGITS)
    top, bottom = round(row[2] * height, _DIGITS), round(row[4] * height, _DIGITS)
    return {
        "class_id": int(row[0]),
        "left": _plain(left),
        "top": _plain(top),
        "width": _plain(max(right - left, 10**-_DIGITS)),
        "height": _plain(max(bottom - top, 10**-_DIGITS)),
    }


def _plain(value: float) -> float:
    value = round(value, _DIGITS)
    return int(value) if value.is_integer() else value
