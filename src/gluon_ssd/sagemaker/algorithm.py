"""What SageMaker's CreateAlgorithm is told of the image: its hyperparameters, channels, metrics and machines.

The jobs of an algorithm that is registered so are checked before they start, as those of the built-in are. The form is
that of the API: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateAlgorithm.html
"""

import re
from collections.abc import Sequence

from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.channels import READABLE, Readable
from gluon_ssd.sagemaker.cluster import Cluster
from gluon_ssd.sagemaker.hyperparameters import ACTING
from gluon_ssd.sagemaker.metrics import MEAN_AVERAGE_PRECISION, METRICS
from gluon_ssd.sagemaker.rules import Domain, Rule

NAME = "gluon-ssd"
_DESCRIPTION = "SSD object detection on Apache MXNet, trained as by SageMaker's built-in Object Detection algorithm"
_GPUS = {  # families whose GPUs have compute capability 5.0 to 8.9: V100, A100, T4, A10G, L4, L40S
    "p3": "2xlarge 8xlarge 16xlarge",
    "p3dn": "24xlarge",
    "p4d": "24xlarge",
    "p4de": "24xlarge",
    "g4dn": "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge",
    "g5": "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge",
    "g6": "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge",
    "g6e": "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge",
}
_CPUS = {
    "m5": "large xlarge 2xlarge 4xlarge 12xlarge 24xlarge",
    "c5": "xlarge 2xlarge 4xlarge 9xlarge 18xlarge",
    "m7i": "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge",
    "c7i": "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge",
}
INSTANCE_TYPES = tuple(f"ml.{family}.{size}" for family, sizes in (_GPUS | _CPUS).items() for size in sizes.split())
"""Those that the image for GPUs trains on."""
# What makes a better model. Not overlap_threshold, which would only make a higher score of the same model.
_TUNABLE = {
    "base_network",
    "use_pretrained_model",
    "mini_batch_size",
    "learning_rate",
    "lr_scheduler_factor",
    "optimizer",
    "momentum",
    "weight_decay",
    "nms_threshold",
    "image_shape",
    "augmentation",
}
# The API's own limits, which it tells of one at a time.
_NAME = re.compile(r"(?!.{64})[a-zA-Z0-9](-*[a-zA-Z0-9])*")
_IMAGE_URI = re.compile(r"\S{1,255}")
_ACCELERATORS = ("trn", "inf")  # AWS's own, which no MXNet can use
_INSTANCE_TYPE = re.compile(r"ml\.([a-z0-9-]+)\.[a-z0-9]+")


def specification(
    image_uri: str, *, name: str = NAME, instance_types: Sequence[str] = INSTANCE_TYPES
) -> dict[str, object]:
    """Return the arguments of CreateAlgorithm, by which an image becomes an algorithm of one's account.

    Args:
        image_uri: the image in Amazon ECR.
        name: what the algorithm will be called.
        instance_types: where its jobs may run.

    Raises:
        UserError: CreateAlgorithm would refuse one of these, or the jobs of an instance type would fail.
    """
    _check(image_uri, name, instance_types)
    return {
        "AlgorithmName": name,
        "AlgorithmDescription": _DESCRIPTION,
        "TrainingSpecification": {
            "TrainingImage": image_uri,
            "SupportedHyperParameters": [_hyperparameter(name, rule) for name, rule in ACTING.items()],
            "SupportedTrainingInstanceTypes": list(instance_types),
            "SupportsDistributedTraining": True,
            "MetricDefinitions": metric_definitions(),
            "TrainingChannels": [_channel(readable) for readable in READABLE],
            "SupportedTuningJobObjectiveMetrics": [
                {"Type": MEAN_AVERAGE_PRECISION.direction, "MetricName": MEAN_AVERAGE_PRECISION.name}
            ],
        },
    }


def metric_definitions() -> list[dict[str, str]]:
    """Return what SageMaker is told of a job's metrics."""
    return [{"Name": metric.name, "Regex": metric.regex} for metric in METRICS]


def _check(image_uri: str, name: str, instance_types: Sequence[str]) -> None:
    if not _IMAGE_URI.fullmatch(image_uri):
        raise UserError(f"image URI: expected 1 to 255 characters, none of them a space, got {image_uri!r}")
    if not _NAME.fullmatch(name):
        raise UserError(f"name: expected up to 63 letters, digits and hyphens between them, got {name!r}")
    for instance_type in instance_types:
        match = _INSTANCE_TYPE.fullmatch(instance_type)
        if not match:
            raise UserError(f"instance types: expected names such as ml.g5.xlarge, got {instance_type!r}")
        if match[1].startswith(_ACCELERATORS):
            raise UserError(f"instance types: expected CPUs or GPUs of NVIDIA, got {instance_type!r}")
        if Cluster(instance_type=instance_type).is_gpu_instance and match[1] not in _GPUS:
            raise UserError(
                f"instance types: expected GPUs that MXNet 1.9.1 has machine code for (ml.{', ml.'.join(_GPUS)}), "
                f"got {instance_type!r}"
            )


def _hyperparameter(name: str, rule: Rule) -> dict[str, object]:
    specified: dict[str, object] = {
        "Name": name,
        "Description": f"{rule.meaning}. Values: {rule.expected}",
        "Type": rule.domain.kind,
        "IsTunable": name in _TUNABLE,
        "IsRequired": rule.default is None,
    }
    if rule.domain.ends or rule.domain.words:
        specified["Range"] = {f"{rule.domain.kind}ParameterRangeSpecification": _range(rule.domain)}
    if rule.default:  # an empty one is that of a job which is not told any
        specified["DefaultValue"] = rule.default
    return specified


def _range(domain: Domain) -> dict[str, object]:
    # CreateAlgorithm wants both ends, so numbers without an upper one have no range: the job itself refuses small ones.
    if domain.ends:
        return {"MinValue": str(domain.ends[0]), "MaxValue": str(domain.ends[1])}
    return {"Values": list(domain.words)}


def _channel(readable: Readable) -> dict[str, object]:
    return {
        "Name": readable.name,
        "Description": readable.holds,
        "IsRequired": readable.is_required,
        # A list cannot say that any will do.
        "SupportedContentTypes": list(readable.content_types) or ["application/octet-stream"],
        "SupportedCompressionTypes": ["None"],
        "SupportedInputModes": list(readable.input_modes),
    }
