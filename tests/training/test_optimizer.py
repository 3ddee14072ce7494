import logging

import mxnet as mx
import pytest

from gluon_ssd.errors import UserError
from gluon_ssd.training import optimizer


def create(name: str, scheduler: mx.lr_scheduler.LRScheduler | None = None) -> mx.optimizer.Optimizer:
    return optimizer.create(
        name, learning_rate=0.02, momentum=0.8, weight_decay=0.0005, scheduler=scheduler, batch_per_device=16
    )


def test_sgd_takes_every_setting() -> None:
    sgd = create("sgd")
    assert (type(sgd), sgd.learning_rate, sgd.momentum, sgd.wd, sgd.rescale_grad) == (
        mx.optimizer.SGD,
        0.02,
        0.8,
        0.0005,
        1,
    )


def test_adam_does_not_decay_weights() -> None:
    adam = create("adam")
    assert (type(adam), adam.learning_rate, adam.wd, adam.rescale_grad) == (mx.optimizer.Adam, 0.02, 0, 1)


def test_rmsprop_takes_a_tenth_of_the_learning_rate() -> None:
    rmsprop = create("rmsprop")
    assert (type(rmsprop), rmsprop.learning_rate, rmsprop.wd, rmsprop.rescale_grad) == (
        mx.optimizer.RMSProp,
        0.002,
        0.0005,
        1,
    )


def test_adadelta_takes_nothing_but_the_batch() -> None:
    _, scheduler = optimizer.schedule(0.02, 0.1, (1,), updates_per_epoch=10, begin_epoch=0)
    adadelta = create("adadelta", scheduler)
    reference = mx.optimizer.AdaDelta()
    assert (type(adadelta), adadelta.learning_rate, adadelta.wd) == (mx.optimizer.AdaDelta, reference.lr, 0)
    assert adadelta.lr_scheduler is None
    assert adadelta.rescale_grad == 1 / 16


def test_an_unknown_optimizer_is_refused() -> None:
    with pytest.raises(UserError, match=r"^optimizer: expected one of sgd, adam, rmsprop, adadelta, got 'adagrad'$"):
        create("adagrad")


def test_the_rate_changes_after_the_last_update_of_the_epoch(caplog: pytest.LogCaptureFixture) -> None:
    # A logged job: 16,551 images in batches of 16, rmsprop at 0.001, steps 3 and 6 of 5 epochs.
    rate, scheduler = optimizer.schedule(0.001, 0.1, (3, 6), updates_per_epoch=16551 // 16, begin_epoch=0)
    optimizer.create("rmsprop", learning_rate=rate, momentum=0.9, weight_decay=0, scheduler=scheduler)
    assert scheduler is not None
    with caplog.at_level(logging.INFO):
        assert scheduler(3102) == pytest.approx(1e-4)
        assert caplog.messages == []
        assert scheduler(3103) == pytest.approx(1e-5)
    assert caplog.messages == ["Update[3103]: Change learning rate to 1.00000e-05"]


def test_creating_rmsprop_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    _, scheduler = optimizer.schedule(0.02, 0.1, (1,), updates_per_epoch=10, begin_epoch=0)
    create("rmsprop", scheduler)
    assert capsys.readouterr().out == ""


def test_a_later_begin_counts_from_there_with_the_steps_behind_it_taken() -> None:
    rate, scheduler = optimizer.schedule(1.0, 0.5, (2, 4, 9), updates_per_epoch=10, begin_epoch=4)
    assert rate == 0.25
    assert scheduler is not None
    assert scheduler.step == [50]
    assert [scheduler(update) for update in (1, 50, 51)] == [0.25, 0.25, 0.125]


def test_when_all_steps_are_behind_the_rate_is_constant() -> None:
    assert optimizer.schedule(1.0, 0.5, (2, 4), updates_per_epoch=10, begin_epoch=7) == (0.25, None)


def test_without_steps_or_with_a_factor_of_one_the_rate_is_constant() -> None:
    assert optimizer.schedule(0.1, 0.5, (), updates_per_epoch=10, begin_epoch=0) == (0.1, None)
    assert optimizer.schedule(0.1, 1.0, (3,), updates_per_epoch=10, begin_epoch=0) == (0.1, None)


def test_an_epoch_without_a_whole_batch_counts_as_one_update() -> None:
    scheduler = optimizer.schedule(0.1, 0.5, (3, 6), updates_per_epoch=0, begin_epoch=0)[1]
    assert scheduler is not None
    assert scheduler.step == [3, 6]


@pytest.mark.parametrize("epochs", [(3, 3), (6, 3), (0, 2)])
def test_epochs_that_do_not_rise_are_refused(epochs: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"^lr_scheduler_step: expected rising positive epochs, got \d, \d$"):
        optimizer.schedule(0.1, 0.5, epochs, updates_per_epoch=10, begin_epoch=0)
