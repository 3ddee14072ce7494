import numpy as np

from gluon_ssd.data.sample import Sample
from gluon_ssd.tools.pixel_annotation import describe


def annotations(*corners: float, size: tuple[int, int]) -> list[dict[str, float]]:
    return describe(Sample(b"", np.array([[2, *corners, 1]], np.float32)), size)["annotations"]


def test_boxes_are_in_pixels_of_the_image() -> None:
    assert describe(Sample(b"", np.array([[2, 0.2, 0.5, 0.6, 0.75, 1]], np.float32)), (50, 40)) == {
        "image_size": [{"width": 50, "height": 40, "depth": 3}],
        "annotations": [{"class_id": 2, "left": 10, "top": 20, "width": 20, "height": 10}],
    }


def test_an_image_without_objects_has_no_annotations() -> None:
    assert describe(Sample(b"", np.zeros((0, 6), np.float32)), (50, 40))["annotations"] == []


def test_whole_pixels_of_large_images_stay_whole() -> None:
    edges = np.arange(1, 6000, 7)
    for edge in edges.tolist():
        box = annotations(edge / 6000, 0, 1, 1, size=(6000, 4000))[0]
        assert (box["left"], box["width"]) == (edge, 6000 - edge)
        assert isinstance(box["left"], int)


def test_parts_of_a_pixel_stay_to_a_thousandth() -> None:
    box = annotations(0.1234567, 0.25, 0.5, 0.2500001, size=(100, 100))[0]
    assert box == {"class_id": 2, "left": 12.346, "top": 25, "width": 37.654, "height": 0.001}
