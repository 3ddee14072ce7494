import io
import json
import os
import re
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from gluon_ssd.sagemaker.metrics import METRICS, Reporter, progress_line

# What SageMaker publishes for the built-in algorithm; the regexes of ours that follow are of its kind.
PUBLISHED = {
    "train:progress": r"#progress_metric: host=\S+, completed (\S+) %",
    "train:smooth_l1": r"#quality_metric: host=\S+, epoch=\S+, batch=\S+ train smooth_l1 <loss>=(\S+)",
    "train:cross_entropy": r"#quality_metric: host=\S+, epoch=\S+, batch=\S+ train cross_entropy <loss>=(\S+)",
    "train:throughput": r"#throughput_metric: host=\S+, train throughput=(\S+) records/second",
    "validation:mAP": r"#quality_metric: host=\S+, epoch=\S+, validation mAP <score>=\((\S+)\)",
}
MODEL = Path("/opt/ml/model/model_algo_1-0000.params")


def reporter(*, expected_batches: tuple[int, ...] = (1034, 1035)) -> Reporter:
    started = time.time() - 0.25
    return Reporter("algo-1", epochs=5, mini_batch_size=16, expected_batches=expected_batches, started=started)


def messages(log: io.StringIO) -> list[str]:
    """Return the printed lines with the level in place of the prefix."""
    return [re.sub(r"^\[\S+ \S+ (\w+) \d+\] ", r"\1 ", line) for line in log.getvalue().splitlines()]


def printed_metrics(log: io.StringIO) -> dict[str, Any]:
    line, empty = log.getvalue().splitlines()[-2:]
    assert empty == ""
    assert line.startswith("#metrics ")
    report: dict[str, Any] = json.loads(line.removeprefix("#metrics "))
    return report


def print_an_epoch(report: Reporter) -> None:
    report.trained(0, batches=1035, cross_entropy=1.1592809385995073, smooth_l1=0.5428036072072824, throughput=91.25)
    report.validated(
        0,
        mean_average_precision=0.19905460940354514,
        ap50=0.2105,
        coco_ap=3.8474613108523096e-05,
        per_class={"RBC": 0.7012345, "WBC": 0.0},
    )
    report.improved(0.19905460940354514, MODEL)
    report.epoch_finished(0)


def test_an_epoch_is_told_in_the_built_ins_words_and_order(log: io.StringIO) -> None:
    print_an_epoch(reporter())

    assert messages(log)[:-2] == [
        "INFO #quality_metric: host=algo-1, epoch=0, batch=1035 train cross_entropy <loss>=(1.1592809385995073)",
        "INFO #quality_metric: host=algo-1, epoch=0, batch=1035 train smooth_l1 <loss>=(0.5428036072072824)",
        "INFO #throughput_metric: host=algo-1, train throughput=91.25 records/second",
        "INFO Round of batches complete",
        "INFO Updated the metrics",
        "INFO #quality_metric: host=algo-1, epoch=0, validation mAP <score>=(0.19905460940354514)",
        "INFO #quality_metric: host=algo-1, epoch=0, validation AP50 <score>=(0.2105)",
        "INFO #quality_metric: host=algo-1, epoch=0, validation COCO-AP <score>=(3.8474613108523096e-05)",
        "INFO validation AP of class RBC: 0.70123",
        "INFO validation AP of class WBC: 0.00000",
        "INFO Updating the best model with validation-mAP=0.19905460940354514",
        'INFO Saved checkpoint to "/opt/ml/model/model_algo_1-0000.params"',
        "INFO #progress_metric: host=algo-1, completed 20.0 % of epochs",
    ]


def test_the_published_regexes_find_the_numbers(log: io.StringIO) -> None:
    print_an_epoch(reporter())

    found = {name: re.findall(regex, log.getvalue()) for name, regex in PUBLISHED.items()}

    assert found == {
        "train:progress": ["20.0"],
        "train:smooth_l1": ["(0.5428036072072824)"],
        "train:cross_entropy": ["(1.1592809385995073)"],
        "train:throughput": ["91.25"],
        "validation:mAP": ["0.19905460940354514"],
    }


def test_the_table_holds_the_published_regexes_and_each_finds_one_bare_number(log: io.StringIO) -> None:
    print_an_epoch(reporter())
    table = {metric.name: metric.regex for metric in METRICS}

    changed = {name for name, regex in PUBLISHED.items() if table[name] != regex}
    assert changed == {"train:smooth_l1", "train:cross_entropy"}
    assert {name: re.findall(regex, log.getvalue()) for name, regex in table.items()} == {
        "train:progress": ["20.0"],
        "train:smooth_l1": ["0.5428036072072824"],
        "train:cross_entropy": ["1.1592809385995073"],
        "train:throughput": ["91.25"],
        "validation:mAP": ["0.19905460940354514"],
        "validation:AP50": ["0.2105"],
        "validation:COCO_AP": ["3.8474613108523096e-05"],
    }
    assert {metric.name for metric in METRICS if metric.direction == "Minimize"} == {
        "train:smooth_l1",
        "train:cross_entropy",
    }


@pytest.mark.parametrize(("expected", "batches"), [((1034, 1035), 1034), ((1034, 1035), 1035), ((), 7)])
def test_an_expected_number_of_batches_needs_no_warning(
    log: io.StringIO, expected: tuple[int, ...], batches: int
) -> None:
    reporter(expected_batches=expected).trained(0, batches=batches, cross_entropy=1, smooth_l1=1, throughput=1)

    assert not [line for line in messages(log) if line.startswith("WARNING")]
    assert messages(log)[0].endswith(f"batch={batches} train cross_entropy <loss>=(1.0)")


def test_an_unexpected_number_of_batches_is_warned_of_first(log: io.StringIO) -> None:
    reporter(expected_batches=(9,)).trained(0, batches=10, cross_entropy=1, smooth_l1=1, throughput=1)

    assert messages(log)[0] == (
        "WARNING Expected number of batches: 9, did not match the number of batches processed: 10. This may happen "
        "when some images or annotations are invalid and cannot be parsed. Please check the dataset and ensure it "
        "follows the format in the documentation."
    )


def test_the_rate_line_is_the_built_ins() -> None:
    assert progress_line(0, 100, 1600, elapsed=22.067521) == (
        "Epoch:    0, batches:    100, num_examples:   1600, 72.5 samples/sec, epoch time so far:  0:00:22.067521"
    )
    assert progress_line(29, 1000, 16000, elapsed=3661.5) == (
        "Epoch:    29, batches:    1000, num_examples:   16000, 4.4 samples/sec, epoch time so far:  1:01:01.500000"
    )


def test_batches_pass_through_and_every_hundredth_prints_the_rate(log: io.StringIO) -> None:
    batches = [[0] * 4] * 249 + [[0] * 2]

    passed = list(reporter().batches(3, iter(batches), len))

    assert passed == batches
    lines = messages(log)
    assert len(lines) == 2
    rest = r"[\d.]+ samples/sec, epoch time so far:  0:00:0\d\.\d{6}"
    assert re.fullmatch(r"INFO Epoch:    3, batches:    100, num_examples:   400, " + rest, lines[0])
    assert re.fullmatch(r"INFO Epoch:    3, batches:    200, num_examples:   800, " + rest, lines[1])


def test_a_terminal_shows_a_bar_that_counts_images(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    controller, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    with os.fdopen(terminal, "w") as stream, os.fdopen(controller, "rb", buffering=0) as screen:
        monkeypatch.setattr("sys.stderr", stream)
        list(reporter(expected_batches=(1, 2)).batches(7, iter([[0] * 16] * 2), len))
        written = screen.read(65536).decode()

    assert re.search(r"epoch 7: +0%\|.*\| 0/32 \[.*images/s\]", written)
    assert log.getvalue() == ""


def test_a_terminal_shows_how_far_validation_is(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    controller, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    with os.fdopen(terminal, "w") as stream, os.fdopen(controller, "rb", buffering=0) as screen:
        monkeypatch.setattr("sys.stderr", stream)
        assert list(reporter().validation_batches(7, iter("abc"), total=3)) == ["a", "b", "c"]
        written = screen.read(65536).decode()

    assert re.search(r"epoch 7, validation: +0%\|.*\| 0/48 \[.*images/s\]", written)
    assert log.getvalue() == ""


def test_a_file_shows_no_bar(log: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    list(reporter().batches(7, [[0] * 16] * 2, len))

    assert (log.getvalue(), capsys.readouterr()) == ("", ("", ""))


def test_a_batch_counts_once_the_next_is_asked_for(log: io.StringIO) -> None:
    passing = reporter().batches(0, [[0]] * 101, len)
    for _ in range(100):
        next(passing)
    assert messages(log) == []

    next(passing)
    assert len(messages(log)) == 1


def test_the_clock_is_of_the_epoch(log: io.StringIO) -> None:
    report = reporter()
    for epoch in range(2):
        for number, _ in enumerate(report.batches(epoch, [[0]] * 100, len)):
            if (epoch, number) == (0, 0):
                time.sleep(0.3)

    seconds = [float(line.rpartition(":")[2]) for line in messages(log)]
    assert seconds[0] >= 0.3 > seconds[1]


def test_opened_data_is_told_with_counters_at_zero(log: io.StringIO) -> None:
    reporter().data_opened()

    printed = printed_metrics(log)
    zero = '{"sum": 0.0, "count": 1, "min": 0, "max": 0}'
    assert json.dumps(printed["Dimensions"]) == (
        '{"Algorithm": "AWS/Object Detection", "Host": "algo-1", "Operation": "training", '
        '"Meta": "init_train_data_iter"}'
    )
    assert json.dumps(printed["Metrics"]) == (
        f'{{"Total Records Seen": {zero}, "Total Batches Seen": {zero}, "Max Records Seen Between Resets": {zero}, '
        f'"Max Batches Seen Between Resets": {zero}, "Reset Count": {zero}, '
        f'"Number of Records Since Last Reset": {zero}, "Number of Batches Since Last Reset": {zero}}}'
    )


def test_a_finished_epoch_counts_its_resets_and_spans_its_time(log: io.StringIO) -> None:
    report = reporter()
    before = time.time()
    list(report.batches(4, [[0]], len))
    report.epoch_finished(4)

    printed = printed_metrics(log)
    assert messages(log)[0] == "INFO #progress_metric: host=algo-1, completed 100.0 % of epochs"
    assert json.dumps(printed["Dimensions"]) == (
        '{"Algorithm": "AWS/Object Detection", "Host": "algo-1", "Operation": "training", "epoch": 4, '
        '"Meta": "training_data_iter"}'
    )
    assert printed["Metrics"]["Reset Count"] == {"sum": 5.0, "count": 1, "min": 5, "max": 5}
    assert printed["Metrics"]["Total Batches Seen"] == {"sum": 0.0, "count": 1, "min": 0, "max": 0}
    assert before <= printed["StartTime"] <= printed["EndTime"] <= time.time()
    assert list(printed) == ["StartTime", "EndTime", "Dimensions", "Metrics"]


def test_the_end_tells_epochs_setup_and_total_time(log: io.StringIO) -> None:
    report = reporter()
    report.data_opened()
    time.sleep(0.05)
    log.truncate(0)
    log.seek(0)
    report.finished(5, MODEL)

    printed = printed_metrics(log)
    assert messages(log)[:-2] == [
        "WARNING wait_for_all_workers will not sync workers since the kv store is not running distributed",
        'INFO Saved checkpoint to "/opt/ml/model/model_algo_1-0000.params"',
        "INFO Test data is not provided.",
    ]
    assert json.dumps(printed["Dimensions"]) == (
        '{"Algorithm": "AWS/Object Detection", "Host": "algo-1", "Operation": "training"}'
    )
    assert list(printed["Metrics"]) == ["epochs", "setuptime", "totaltime"]
    assert json.dumps(printed["Metrics"]["epochs"]) == '{"sum": 5.0, "count": 1, "min": 5, "max": 5}'
    setup, total = printed["Metrics"]["setuptime"]["sum"], printed["Metrics"]["totaltime"]["sum"]
    assert 250 <= setup < 5000  # milliseconds
    assert setup + 50 <= total == pytest.approx(1000 * (printed["EndTime"] - printed["StartTime"]), abs=50)
