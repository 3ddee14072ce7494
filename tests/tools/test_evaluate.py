from gluon_ssd.evaluation import Evaluation
from gluon_ssd.tools.evaluate import Scores, as_json, as_text

EVALUATION = Evaluation(mean_average_precision=0.5, average_precision={0: 0.75, 2: 0.25}, ap50=0.625, coco_ap=0.125)


def scores(class_names: tuple[str, ...] | None = ("cat", "dog", "cow")) -> Scores:
    return Scores(EVALUATION, 0.75, images=10, objects={0: 12, 2: 3}, seconds=4.0, class_names=class_names)


def test_people_read_the_scores_and_what_they_mean() -> None:
    assert as_text(scores()).splitlines() == [
        "10 images, 15 objects, 2.5 images/s",
        "",
        "mAP      0.50000  VOC, 11 points, IoU > 0.75",
        "AP50     0.62500  VOC, all points, IoU > 0.5",
        "COCO AP  0.12500  IoU 0.50 to 0.95",
        "",
        "class                    objects       AP",
        "cat                           12  0.75000",
        "cow                            3  0.25000",
    ]
    assert as_text(scores(None)).splitlines()[-1] == "class 2                        3  0.25000"


def test_programs_read_all_digits() -> None:
    assert as_json(scores()) == {
        "validation:mAP": 0.5,
        "validation:AP50": 0.625,
        "validation:COCO_AP": 0.125,
        "overlap_threshold": 0.75,
        "images": 10,
        "images_per_second": 2.5,
        "classes": [
            {"class_id": 0, "name": "cat", "objects": 12, "average_precision": 0.75},
            {"class_id": 2, "name": "cow", "objects": 3, "average_precision": 0.25},
        ],
    }
