"""What the README says of names and values is what the code says."""

import re
from pathlib import Path

from gluon_ssd.sagemaker.hyperparameters import markdown_table
from gluon_ssd.sagemaker.metrics import METRICS

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_hyperparameter_table_is_the_codes() -> None:
    assert markdown_table() in README


def test_metric_regexes_are_the_codes_and_find_a_bare_number() -> None:
    table = dict(re.findall(r"^\| `([a-z]+:\w+)` \| `(.+)` \|$", README, re.MULTILINE))
    assert table == {metric.name: metric.regex for metric in METRICS}
    for metric in METRICS:
        values = ("algo-1", 3, 1035, 0.25)[: metric.line.replace("%%", "").count("%")]
        line = metric.line % (*values[:-1], 0.25)
        match = re.search(table[metric.name], line)
        assert match, line
        assert float(match[1]) == 0.25
