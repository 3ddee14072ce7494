import math

import pytest

from gluon_ssd.training.early_stopping import EarlyStopping


def last_epoch(scores: list[float], *, patience: int = 2, tolerance: float = 0.0, min_epochs: int = 1) -> int | None:
    """Return the epoch after which the job ends early, None if it runs through."""
    stopping = EarlyStopping(patience=patience, tolerance=tolerance, min_epochs=min_epochs)
    for epoch, score in enumerate(scores):
        stopping.observe(epoch, score)
        if stopping.due:
            return epoch
    return None


def test_a_rising_score_never_ends_the_job() -> None:
    assert last_epoch([0.1, 0.2, 0.3, 0.4]) is None


def test_patience_epochs_below_the_best_end_the_job() -> None:
    assert last_epoch([0.5, 0.4, 0.45, 0.6]) == 2


def test_an_improvement_starts_the_count_again() -> None:
    assert last_epoch([0.5, 0.4, 0.6, 0.5, 0.7, 0.6, 0.6]) == 6


def test_without_tolerance_an_equal_score_is_an_improvement() -> None:
    assert last_epoch([0.5, 0.5, 0.5, 0.5]) is None


def test_a_gain_below_the_relative_tolerance_is_no_improvement() -> None:
    # 0.52 is 4 % above 0.5, and 0.545 is 4.8 % above 0.52: the best moves up even where it is no improvement.
    assert last_epoch([0.5, 0.52, 0.545], tolerance=0.05) == 2
    assert last_epoch([0.5, 0.52, 0.547], tolerance=0.05) is None


def test_a_gain_of_exactly_the_tolerance_is_an_improvement() -> None:
    assert last_epoch([0.5, 0.75, 1.125], tolerance=0.5, patience=1) is None


def test_the_first_epochs_are_not_judged() -> None:
    falling = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    # The fourth epoch is the first judged, the fifth the second.
    assert last_epoch(falling, min_epochs=4) == 4
    assert last_epoch(falling, min_epochs=4, patience=1) == 3


def test_the_defaults_of_the_built_in_algorithm_end_a_falling_job_after_fourteen_epochs() -> None:
    falling = [1 / (epoch + 1) for epoch in range(30)]
    assert last_epoch(falling, min_epochs=10, patience=5) == 13


@pytest.mark.parametrize("tolerance", [0.0, 0.9])
def test_after_a_best_of_zero_any_positive_score_is_an_improvement(tolerance: float) -> None:
    assert last_epoch([0.0, 0.0, 0.01], tolerance=tolerance) is None
    assert last_epoch([0.0, 0.0, 0.0], tolerance=tolerance) == 2


def test_a_score_that_is_not_a_number_is_no_improvement() -> None:
    assert last_epoch([0.5, math.nan, math.nan]) == 2
    assert last_epoch([math.nan, 0.5, 0.6]) is None


def test_the_state_is_plain_fields_that_can_be_put_back() -> None:
    stopping = EarlyStopping(patience=2, tolerance=0.0, min_epochs=1, best=0.5, waited=1)
    stopping.observe(7, 0.4)
    assert (stopping.best, stopping.waited, stopping.due) == (0.5, 2, True)
