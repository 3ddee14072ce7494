"""Train and tune by SageMaker's Python SDK, version 2; for users of the built-in, the image's URI changes.

    pip install "sagemaker<3"
    python examples/sagemaker_jobs.py train --image-uri URI --role ARN --instance-type ml.g5.xlarge \
        --train s3://bucket/train --validation s3://bucket/validation --output s3://bucket/models \
        --hyperparameter num_classes=20 num_training_samples=5011 base_network=resnet-50

On this machine, by Docker: --instance-type local, and file:// in the place of s3://.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.local import LocalSession
from sagemaker.session import Session
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner, IntegerParameter

METRICS = json.loads(Path(__file__).with_name("metrics.json").read_text())
OBJECTIVE = "validation:mAP"


def estimator(options: argparse.Namespace) -> Estimator:
    """Return the job that the options describe."""
    return Estimator(
        image_uri=options.image_uri,
        role=options.role,
        instance_count=options.instance_count,
        instance_type=options.instance_type,
        volume_size=50,
        max_run=24 * 60 * 60,
        output_path=options.output,
        hyperparameters=dict(pair.split("=", 1) for pair in options.hyperparameter),
        metric_definitions=METRICS,
        sagemaker_session=LocalSession() if options.instance_type.startswith("local") else Session(),
    )


def channels(options: argparse.Namespace) -> Mapping[str, TrainingInput]:
    """Return the channels of RecordIO files that the options name."""
    return {
        name: TrainingInput(source, content_type="application/x-recordio", input_mode="File")
        for name, source in (("train", options.train), ("validation", options.validation))
    }


def tuner(options: argparse.Namespace) -> HyperparameterTuner:
    """Return a search for the best learning rate and batch."""
    return HyperparameterTuner(
        estimator(options),
        objective_metric_name=OBJECTIVE,
        metric_definitions=METRICS,
        hyperparameter_ranges={
            "learning_rate": ContinuousParameter(1e-5, 1e-2, scaling_type="Logarithmic"),
            "mini_batch_size": IntegerParameter(8, 32),
        },
        max_jobs=options.jobs,
        max_parallel_jobs=min(2, options.jobs),
    )


def main() -> None:
    """Run one of the commands."""
    options = _parser().parse_args()
    if options.command == "tune":
        tuner(options).fit(channels(options), wait=False)
        return
    estimator(options).fit(channels(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["train", "tune"], help="one job, or a search among several")
    parser.add_argument("--image-uri", required=True, help="the image, in a registry that SageMaker may pull from")
    parser.add_argument("--role", required=True, help="ARN of the role that the job runs under")
    for name in ("train", "validation"):
        parser.add_argument(f"--{name}", required=True, metavar="URI", help="s3:// folder of RecordIO files")
    parser.add_argument("--output", required=True, metavar="URI", help="s3:// folder that gets model.tar.gz")
    parser.add_argument("--instance-type", default="ml.g5.xlarge")
    parser.add_argument("--instance-count", type=int, default=1)
    parser.add_argument("--hyperparameter", nargs="+", default=[], metavar="NAME=VALUE")
    parser.add_argument("--jobs", type=int, default=10, help="of tune: how many in all")
    return parser


if __name__ == "__main__":
    main()
