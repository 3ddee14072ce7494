"""Shuffling within a buffer: everything once, in an order that the generator decides."""

from collections import Counter

import pytest
from numpy.random import default_rng

from gluon_ssd.data.shuffle_buffer import shuffled


@pytest.mark.parametrize(("count", "size"), [(0, 5), (3, 5), (5, 5), (100, 5), (100, 1), (100, 100)])
def test_every_item_comes_once_and_not_before_the_buffer_could_know_it(count: int, size: int) -> None:
    order = list(shuffled(range(count), size, default_rng(0)))
    assert sorted(order) == list(range(count))
    assert all(item < position + size for position, item in enumerate(order))


def test_a_buffer_of_one_keeps_the_order() -> None:
    assert list(shuffled(range(20), 1, default_rng(0))) == list(range(20))


def test_equal_generators_give_equal_orders_and_others_another() -> None:
    first, same, other = (list(shuffled(range(50), 10, default_rng(seed))) for seed in (1, 1, 2))
    assert first == same != other


def test_a_buffer_that_holds_everything_makes_every_order_as_likely() -> None:
    rng = default_rng(5)
    counts = Counter(tuple(shuffled("abc", 3, rng)) for _ in range(6000))
    assert len(counts) == 6
    assert all(870 < count < 1130 for count in counts.values())  # within 4.5 standard deviations of 1,000


def test_no_more_is_read_than_the_buffer_holds() -> None:
    items = iter(range(100))
    order = shuffled(items, 10, default_rng(0))
    next(order)
    assert next(items) == 11
