"""What the examples hold of names and values is what the code says."""

import json
from pathlib import Path

from gluon_ssd.sagemaker.algorithm import specification
from gluon_ssd.sagemaker.metrics import METRICS

EXAMPLES = Path(__file__).parent.parent / "examples"
IMAGE_URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/gluon-ssd:gpu"


def test_the_metrics_of_the_example_are_those_of_the_jobs() -> None:
    definitions = json.loads((EXAMPLES / "metrics.json").read_text())
    assert definitions == [{"Name": metric.name, "Regex": metric.regex} for metric in METRICS]


def test_the_algorithm_of_the_example_is_as_the_command_prints_it() -> None:
    # Where it is not: gluon-ssd algorithm --image-uri IMAGE_URI > examples/algorithm.json
    assert json.loads((EXAMPLES / "algorithm.json").read_text()) == specification(IMAGE_URI)
