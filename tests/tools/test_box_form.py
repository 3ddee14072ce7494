import pytest

from gluon_ssd.tools.box_form import BoxForm, Numbers

SIZE = (50, 40)


@pytest.mark.parametrize(
    ("form", "numbers", "whole", "shown"),
    [
        (BoxForm.VOC, (11, 21, 30, 30), (1, 1, 50, 40), "(xmin 11, ymin 21, xmax 30, ymax 30)"),
        (BoxForm.CORNERS, (10, 20, 30, 30), (0, 0, 50, 40), "(xmin 10, ymin 20, xmax 30, ymax 30)"),
        (BoxForm.COCO, (10, 20, 20, 10), (0, 0, 50, 40), "(left 10, top 20, width 20, height 10)"),
        (
            BoxForm.YOLO,
            (0.4, 0.625, 0.4, 0.25),
            (0.5, 0.5, 1, 1),
            "(center x 0.4, center y 0.625, width 0.4, height 0.25)",
        ),
    ],
)
def test_one_box_in_every_form(form: BoxForm, numbers: Numbers, whole: Numbers, shown: str) -> None:
    assert form.edges(numbers, SIZE) == pytest.approx((10, 20, 30, 30))
    assert form.edges(whole, SIZE) == (0, 0, 50, 40)
    assert form.show(numbers) == shown


@pytest.mark.parametrize(
    ("form", "numbers", "has_area"),
    [
        (BoxForm.VOC, (5, 5, 6, 6), True),
        (BoxForm.VOC, (5, 5, 5, 9), False),
        (BoxForm.CORNERS, (5, 9, 6, 9), False),
        (BoxForm.CORNERS, (5, 9, 5.5, 9.5), True),
        (BoxForm.COCO, (5, 5, 1, 1), True),
        (BoxForm.COCO, (5, 5, -1, -1), False),
        (BoxForm.YOLO, (0.5, 0.5, 0.1, 0), False),
    ],
)
def test_a_box_without_area_in_every_form(form: BoxForm, numbers: Numbers, *, has_area: bool) -> None:
    assert form.has_area(numbers) == has_area
