r"""Train by SageMaker's Python SDK, version 3.

    pip install sagemaker-train docker
    python examples/model_trainer.py --image-uri URI --role ARN --instance-type ml.g5.xlarge \
        --train s3://bucket/train --validation s3://bucket/validation --output s3://bucket/models \
        --hyperparameter num_classes=20 num_training_samples=5011 base_network=resnet-50

On this machine, by Docker: --instance-type local_cpu or local_gpu, and folders in the place of s3://. The model is then
in compressed_artifacts/model.tar.gz of the --output folder.
"""

import argparse
import json
import sys
from pathlib import Path

try:
    from sagemaker.core.shapes import MetricDefinition, OutputDataConfig, StoppingCondition
    from sagemaker.core.training.configs import Compute, InputData
    from sagemaker.train.model_trainer import Mode, ModelTrainer
except ImportError as missing:
    sys.exit(f"model_trainer.py: expected version 3 of SageMaker's SDK (pip install sagemaker-train), got: {missing}")

METRICS = json.loads(Path(__file__).with_name("metrics.json").read_text())


def trainer(options: argparse.Namespace) -> ModelTrainer:
    """Return what runs the job that the options describe."""
    if options.instance_type.startswith("local"):
        # Docker Compose takes a relative path for the name of a volume.
        place = {"training_mode": Mode.LOCAL_CONTAINER, "local_container_root": str(Path(options.output).resolve())}
    else:
        place = {"output_data_config": OutputDataConfig(s3_output_path=options.output)}
    return ModelTrainer(
        training_image=options.image_uri,
        role=options.role,
        compute=Compute(
            instance_type=options.instance_type, instance_count=options.instance_count, volume_size_in_gb=50
        ),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=24 * 60 * 60),
        hyperparameters=dict(options.hyperparameter),
        **place,
    ).with_metric_definitions([MetricDefinition(name=each["Name"], regex=each["Regex"]) for each in METRICS])


def channels(options: argparse.Namespace) -> list[InputData]:
    """Return the channels of RecordIO files that the options name."""
    return [
        InputData(channel_name=name, data_source=source, content_type="application/x-recordio")
        for name, source in (("train", options.train), ("validation", options.validation))
    ]


def main() -> None:
    """Run a job."""
    options = _parser().parse_args()
    trainer(options).train(channels(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image-uri", required=True, help="the image, in a registry that SageMaker may pull from")
    parser.add_argument("--role", required=True, help="ARN of the role that the job runs under")
    for name in ("train", "validation"):
        parser.add_argument(f"--{name}", required=True, metavar="URI", help="s3:// folder of RecordIO files")
    parser.add_argument("--output", required=True, metavar="URI", help="s3:// folder that gets model.tar.gz")
    parser.add_argument("--instance-type", default="ml.g5.xlarge")
    parser.add_argument("--instance-count", type=int, default=1)
    parser.add_argument("--hyperparameter", nargs="+", default=[], type=_pair, metavar="NAME=VALUE")
    return parser


def _pair(text: str) -> list[str]:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return text.split("=", 1)


if __name__ == "__main__":
    main()
