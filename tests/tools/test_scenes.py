from pathlib import Path

import cv2
import numpy as np
import pytest

from gluon_ssd.data.images import decode
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.errors import UserError
from gluon_ssd.tools.scene_objects import KINDS, Kind
from gluon_ssd.tools.scenes import paint_scene, write_scenes
from gluon_ssd.tools.textures import Field

LIGHT = np.array([0.4, -0.5, 0.77], np.float32)
SUFFIXES = (".rec", ".idx", ".lst", ".classes")


def painted(kind: Kind, seed: int) -> Field:
    return kind.paint(np.random.default_rng(seed), 96, LIGHT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a channel of 30 scenes."""
    path = tmp_path_factory.mktemp("train")
    write_scenes(path / "train.rec", images=30, seed=3)
    return path


def test_equal_seeds_write_equal_files(folder: Path, tmp_path: Path) -> None:
    write_scenes(tmp_path / "train.rec", images=30, seed=3)
    for suffix in SUFFIXES:
        name = f"train{suffix}"
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_fewer_scenes_are_the_first_of_more(folder: Path, tmp_path: Path) -> None:
    write_scenes(tmp_path / "few.rec", images=2, seed=3)
    assert (folder / "train.rec").read_bytes().startswith((tmp_path / "few.rec").read_bytes())


def test_no_scene_of_another_seed_is_the_same() -> None:
    scenes = [paint_scene(np.random.default_rng([seed, number]))[0] for seed in (1, 2) for number in (0, 1)]
    differences = [np.abs(a.astype(int) - b).mean() for i, a in enumerate(scenes) for b in scenes[:i]]
    assert min(differences) > 10


def test_the_channel_reads_as_any_other(folder: Path) -> None:
    dataset = RecordIODataset.open(folder, channel="train", num_classes=5, label_width=2 + 6 * 4)
    assert (len(dataset), dataset.summary.background, dataset.summary.dropped) == (30, 0, 0)
    assert (folder / "train.classes").read_text().split() == ["ball", "cone", "crate", "leaf", "mug"]
    picture, objects = paint_scene(np.random.default_rng([3, 29]))
    np.testing.assert_array_equal(dataset[29].objects, objects)
    stored = decode(dataset[29].image)
    # JPEG's loss is in the noise of the single pixels.
    assert np.abs(cv2.blur(stored, (5, 5)).astype(int) - cv2.blur(picture, (5, 5))).mean() < 2


def test_scenes_show_two_to_four_objects_of_every_class_large_enough_to_see(folder: Path) -> None:
    dataset = RecordIODataset.open(folder, channel="train", num_classes=5, label_width=350)
    samples = [dataset[index].objects for index in range(30)]
    assert {len(objects) for objects in samples} == {2, 3, 4}
    objects = np.concatenate(samples)
    assert set(objects[:, 0]) == {0, 1, 2, 3, 4}
    assert (objects[:, 5] == 0).all()
    sides = (objects[:, 3:5] - objects[:, 1:3]) * (320, 240)
    longer = sides.max(axis=1) / 240
    assert longer.max() <= 0.61
    assert longer.min() >= 0.42 * 0.9 - 0.01  # what is left of the smallest when as much as may be is covered


@pytest.mark.parametrize("number", [7, 16, 74, 122, 146])
def test_the_box_of_a_cone_is_where_its_color_is(number: int) -> None:
    picture, objects = paint_scene(np.random.default_rng([4, number]))
    (cone,) = objects[objects[:, 0] == 1]
    assert set(objects[:, 0]) <= {0, 1, 3}  # balls and leaves have nothing of so strong an orange
    hue, saturation, _ = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV))  # hue from 0 to 180
    orange = (((hue < 20) | (hue > 174)) & (saturation > 170)).astype(np.uint8)
    rows, columns = np.nonzero(cv2.medianBlur(orange, 3))
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(cone[1:5] * (320, 240, 320, 240), seen, atol=2)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_paints_within_its_cover_and_anew_for_every_draw(kind: Kind) -> None:
    picture = painted(kind, 1)
    cover = picture[..., 3]
    assert picture.shape == (96, 96, 4)
    assert picture.dtype == np.float32
    assert picture.min() >= 0
    assert (picture[..., :3] <= cover[..., None] + 1e-6).all()
    assert 0.15 < cover.mean() < 0.85
    assert max(cover[0].max(), cover[-1].max(), cover[:, 0].max(), cover[:, -1].max()) < 0.6  # not cut off
    np.testing.assert_array_equal(picture, painted(kind, 1))
    assert np.abs(picture - painted(kind, 2)).mean() > 0.01


@pytest.mark.parametrize(
    ("images", "seed", "problem"), [(0, 1, "--images: expected at least 1, got 0"), (1, -1, "seed")]
)
def test_no_images_or_a_negative_seed_are_refused(tmp_path: Path, images: int, seed: int, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        write_scenes(tmp_path / "train.rec", images=images, seed=seed)
