"""Generators that depend on what they are for, and on nothing else."""

from itertools import product

from gluon_ssd.data import randomness


def test_equal_arguments_give_equal_numbers() -> None:
    first, second = (randomness.for_record(233, passage=2, record=41) for _ in range(2))
    assert first.random(5).tolist() == second.random(5).tolist()


def test_every_seed_passage_and_record_has_numbers_of_its_own() -> None:
    records = [
        randomness.for_record(seed, passage=passage, record=record).random()
        for seed, passage, record in product((0, 1, 233), (0, 1, 2), (0, 1, 2))
    ]
    passages = [
        randomness.for_passage(seed, passage=passage).random() for seed, passage in product((0, 1, 233), (0, 1, 2))
    ]
    assert len(set(records + passages)) == 27 + 9
