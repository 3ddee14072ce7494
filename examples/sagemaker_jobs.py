r"""Train, tune and deploy by SageMaker's Python SDK, version 2; for users of the built-in, the image's URI changes.

    pip install "sagemaker<3"
    python examples/sagemaker_jobs.py train --image-uri URI --role ARN --instance-type ml.g5.xlarge \
        --train s3://bucket/train --validation s3://bucket/validation --output s3://bucket/models \
        --hyperparameter num_classes=20 num_training_samples=5011 base_network=resnet-50

On this machine, by Docker and Docker Compose: train --instance-type local, and file:// in the place of s3://.

An endpoint needs an image that serves; that of gluon-ssd trains, and has no command `serve` yet. Its model is the one
that `train` says it has left:

    python examples/sagemaker_jobs.py deploy --image-uri URI --role ARN --instance-type ml.c5.xlarge \
        --model s3://bucket/models/JOB/output/model.tar.gz
    python examples/sagemaker_jobs.py predict --endpoint NAME photo.jpg
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

try:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from sagemaker.deserializers import JSONDeserializer
    from sagemaker.estimator import Estimator
    from sagemaker.inputs import TrainingInput
    from sagemaker.local import LocalSession
    from sagemaker.model import Model
    from sagemaker.predictor import Predictor
    from sagemaker.serializers import IdentitySerializer
    from sagemaker.session import Session
    from sagemaker.tuner import ContinuousParameter, HyperparameterTuner, IntegerParameter
except ImportError as missing:
    sys.exit(
        f"""sagemaker_jobs.py: expected version 2 of SageMaker's SDK (pip install "sagemaker<3"), got: {missing}"""
    )

METRICS = json.loads(Path(__file__).with_name("metrics.json").read_text())
OBJECTIVE = "validation:mAP"


def session(options: argparse.Namespace) -> Session:
    """Return the way to SageMaker, or to Docker on this machine."""
    return LocalSession() if options.instance_type.startswith("local") else Session()


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
        hyperparameters=dict(options.hyperparameter),
        metric_definitions=METRICS,
        sagemaker_session=session(options),
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


def deploy(options: argparse.Namespace) -> Predictor:
    """Make an endpoint of a job's model; it takes minutes to come up."""
    model = Model(
        image_uri=options.image_uri,
        model_data=options.model,
        role=options.role,
        predictor_cls=predictor,
        sagemaker_session=session(options),
    )
    return model.deploy(options.instance_count, options.instance_type, endpoint_name=options.endpoint, wait=False)


def predictor(endpoint: str, sagemaker_session: Session) -> Predictor:
    """Return what asks an endpoint: an image goes there, JSON comes back."""
    return Predictor(endpoint, sagemaker_session, IdentitySerializer("image/jpeg"), JSONDeserializer())


def main() -> None:
    """Run one of the commands; what the SDK or AWS says against it is told in a line."""
    options = _parser().parse_args()
    if options.command == "tune" and options.instance_type.startswith("local"):
        sys.exit("tune: expected an instance type of SageMaker, whose local mode has no tuning jobs, got local")
    try:
        run(options)
    except (ImportError, RuntimeError, ValueError, BotoCoreError, Boto3Error, ClientError) as error:
        sys.exit(f"{options.command}: {error}")


def run(options: argparse.Namespace) -> None:
    """Do what the command says."""
    if options.command == "train":
        job = estimator(options)
        job.fit(channels(options))
        print("model:", job.model_data)
    elif options.command == "tune":
        tuner(options).fit(channels(options), wait=False)
    elif options.command == "deploy":
        print("endpoint:", deploy(options).endpoint_name)
    else:
        print(json.dumps(predictor(options.endpoint, session(options)).predict(options.image.read())))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, meaning in (("train", "run one job"), ("tune", "search for the best of several jobs")):
        _add_job(_add_instances(commands.add_parser(name, help=meaning)))
    commands.choices["tune"].add_argument("--jobs", type=int, default=10, help="how many in all (default 10)")
    deployed = _add_instances(commands.add_parser("deploy", help="make an endpoint; the image must be one that serves"))
    deployed.add_argument("--model", required=True, metavar="URI", help="s3:// model.tar.gz that a job has left")
    deployed.add_argument("--endpoint", metavar="NAME", help="its name (default: made of that of the image)")
    asked = commands.add_parser("predict", help="ask an endpoint what it finds in an image")
    asked.add_argument("--endpoint", required=True, metavar="NAME")
    asked.add_argument("--instance-type", default="ml.c5.xlarge", help="local, if it is on this machine")
    asked.add_argument("image", type=argparse.FileType("rb"), help="a JPEG file")
    return parser


def _add_instances(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--image-uri", required=True, help="the image, in a registry that SageMaker may pull from")
    parser.add_argument("--role", required=True, help="ARN of the role that it runs under")
    parser.add_argument("--instance-type", default="ml.g5.xlarge")
    parser.add_argument("--instance-count", type=int, default=1)
    return parser


def _add_job(parser: argparse.ArgumentParser) -> None:
    for name in ("train", "validation"):
        parser.add_argument(f"--{name}", required=True, type=_uri, metavar="URI", help="s3:// folder of RecordIO files")
    parser.add_argument("--output", required=True, type=_uri, metavar="URI", help="s3:// folder that gets model.tar.gz")
    parser.add_argument("--hyperparameter", nargs="+", default=[], type=_pair, metavar="NAME=VALUE")


def _uri(text: str) -> str:
    if not text.startswith(("s3://", "file://")):
        raise argparse.ArgumentTypeError(f"expected s3://... or file:///..., got {text!r}")
    return text


def _pair(text: str) -> list[str]:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return text.split("=", 1)


if __name__ == "__main__":
    main()
