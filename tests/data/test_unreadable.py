"""How many unreadable images a channel may have, and what is said of them."""

import logging
from collections.abc import Callable

import pytest

from gluon_ssd.data import unreadable
from gluon_ssd.data.records import RecordIODataset
from gluon_ssd.data.unreadable import UnreadableImages
from gluon_ssd.errors import UserError


def _fails(count: int, images: int) -> bool:
    return (count > 10 and count > images / 100) or count > images / 2 or count == images


@pytest.mark.parametrize("images", [1, 2, 3, 10, 19, 20, 21, 22, 100, 999, 1000, 1099, 1100, 5000])
def test_what_is_allowed_is_the_most_that_does_not_fail_the_job(images: int) -> None:
    limit = unreadable.allowed(images)
    assert not _fails(limit, images)
    assert _fails(limit + 1, images)


def test_each_image_is_warned_of_once(
    make_channel: Callable[..., RecordIODataset],
    caplog: pytest.LogCaptureFixture,
) -> None:
    images = UnreadableImages(make_channel(30), channel="train")
    with caplog.at_level(logging.WARNING):
        images.note({3: "expected a JPEG or PNG image, got no bytes"})
        images.note({3: "expected a JPEG or PNG image, got no bytes", 4: "expected other"})
    assert caplog.messages == [
        "train channel, train.rec, record 3: skipped: expected a JPEG or PNG image, got no bytes",
        "train channel, train.rec, record 4: skipped: expected other",
    ]


def test_too_many_fail_the_job_and_the_first_are_named(make_channel: Callable[..., RecordIODataset]) -> None:
    images = UnreadableImages(make_channel(30), channel="train")
    images.note(dict.fromkeys(range(10), "broken"))
    with pytest.raises(UserError) as caught:
        images.note({20: "broken"})
    assert str(caught.value) == (
        "train channel: expected JPEG or PNG images, at most 10 of 30 unreadable, got 11 unreadable so far; "
        "replace or remove them: "
        "train channel, train.rec, record 0, train channel, train.rec, record 1, train channel, train.rec, record 2, "
        "..."
    )
