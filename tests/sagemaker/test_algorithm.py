"""CreateAlgorithm's arguments, by the API's own model as botocore ships it, and by what a job accepts."""

import math
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator

from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.algorithm import specification
from gluon_ssd.sagemaker.hyperparameters import DEFAULTS, Hyperparameters
from gluon_ssd.sagemaker.metrics import METRICS

IMAGE_URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/gluon-ssd:gpu"
API = botocore.session.get_session().get_service_model("sagemaker")
INERT = {"_tuning_objective_metric", "_kvstore", "_num_kv_servers"}
# resnet-50 takes every image_shape in the range.
REQUIRED = {"num_classes": "2", "num_training_samples": "8", "base_network": "resnet-50"}


def training() -> dict[str, Any]:
    specified: Any = specification(IMAGE_URI)["TrainingSpecification"]
    return dict(specified)


def channels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = training()["TrainingChannels"]
    return found


def hyperparameters() -> dict[str, dict[str, Any]]:
    return {specified["Name"]: specified for specified in training()["SupportedHyperParameters"]}


def ranges(kind: str) -> dict[str, dict[str, Any]]:
    """The ranges of one kind by the names of hyperparameters."""
    return {
        name: specified["Range"][f"{kind}ParameterRangeSpecification"]
        for name, specified in hyperparameters().items()
        if specified["Type"] == kind and "Range" in specified
    }


def parts(shape: Shape, value: object) -> Iterator[tuple[Shape, object]]:
    """A value of the API and all values in it, each with its shape."""
    yield shape, value
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, member in value.items():
            yield from parts(shape.members[name], member)
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for member in value:
            yield from parts(shape.member, member)


def is_taken(shape: Shape, value: object) -> bool:
    """Whether a value has a length, a pattern and a word of the API, which ParamValidator leaves to the service."""
    if not isinstance(value, list | str):
        return True
    in_length: bool = shape.metadata.get("min", 0) <= len(value) <= shape.metadata.get("max", math.inf)
    if not isinstance(value, str):
        return in_length
    words = shape.metadata.get("enum", [value])
    return in_length and value in words and fits(shape.metadata.get("pattern", ".*"), value)


def fits(pattern: str, value: str) -> bool:
    if pattern == r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*":  # Python has no classes by category
        return all(unicodedata.category(character)[0] in "LMZSNP" for character in value)
    return re.fullmatch(pattern, value) is not None


def refused(given: dict[str, Any]) -> list[str]:
    shape = API.operation_model("CreateAlgorithm").input_shape
    assert shape
    report = ParamValidator().validate(given, shape)
    if report.has_errors():
        return [report.generate_report()]
    return [f"{part.name}: {value}" for part, value in parts(shape, given) if not is_taken(part, value)]


def parses(name: str, value: str) -> bool:
    """Whether a job takes the value; it says what is wrong with this hyperparameter where it does not."""
    with suppress(UserError):
        Hyperparameters.parse(REQUIRED | {name: value})
        return True
    with pytest.raises(UserError, match=f" {name}: expected "):
        Hyperparameters.parse(REQUIRED | {name: value})
    return False


def test_the_api_takes_it() -> None:
    assert refused(specification(IMAGE_URI)) == []


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("AlgorithmName", "a_b", "EntityName: a_b"),
        ("AlgorithmName", "a" * 64, f"EntityName: {'a' * 64}"),
        ("AlgorithmDescription", "two\nlines", "EntityDescription: two\nlines"),
        ("Description", "none", 'Unknown parameter in input: "Description"'),
        ("TrainingSpecification", {"TrainingImage": IMAGE_URI}, "Missing required parameter in TrainingSpecification"),
        ("TrainingSpecification", training() | {"TrainingChannels": channels() * 2}, "ChannelSpecifications: [{"),
        (
            "TrainingSpecification",
            training() | {"SupportedTrainingInstanceTypes": ["ml.g5.huge"]},
            "TrainingInstanceType: ml.g5.huge",
        ),
    ],
)
def test_the_check_against_the_api_can_fail(key: str, value: object, expected: str) -> None:
    (mistake,) = refused(specification(IMAGE_URI) | {key: value})
    assert mistake.startswith(expected)


def test_every_hyperparameter_that_acts_is_in_it_once() -> None:
    names = [specified["Name"] for specified in training()["SupportedHyperParameters"]]
    assert names == [name for name in DEFAULTS if name not in INERT]


def test_its_defaults_are_what_a_job_takes_where_it_is_told_nothing() -> None:
    specified = {name: one["DefaultValue"] for name, one in hyperparameters().items() if "DefaultValue" in one}
    told = Hyperparameters.parse(specified | REQUIRED)
    assert told.as_strings() == Hyperparameters.parse(REQUIRED).as_strings()
    without = {name for name in hyperparameters() if name not in specified}
    assert {name for name in without if DEFAULTS[name]} == set()


def test_what_a_job_cannot_do_without_is_required_and_has_no_default() -> None:
    required = {name for name, specified in hyperparameters().items() if specified["IsRequired"]}
    assert required == {"num_classes", "num_training_samples"}
    assert [name for name in required if "DefaultValue" in hyperparameters()[name]] == []


def test_a_job_takes_both_ends_of_the_ranges_of_integers_and_nothing_beyond() -> None:
    found = ranges("Integer")
    assert found["mini_batch_size"] == {"MinValue": "1", "MaxValue": "65536"}
    for name, ends in found.items():
        least, most = int(ends["MinValue"]), int(ends["MaxValue"])
        taken = [parses(name, str(value)) for value in (least - 1, least, most, most + 1)]
        assert taken == [False, True, True, False], name


def test_a_job_takes_both_ends_of_the_ranges_of_numbers_and_nothing_beyond() -> None:
    found = ranges("Continuous")
    assert found["weight_decay"] == {"MinValue": "0.0", "MaxValue": "0.9999999999999999"}
    for name, ends in found.items():
        least, most = float(ends["MinValue"]), float(ends["MaxValue"])
        tried = (math.nextafter(least, -1), least, most, math.nextafter(most, 2))
        assert [parses(name, repr(value)) for value in tried] == [False, True, True, False], name


def test_a_job_takes_every_word_and_no_other() -> None:
    found = ranges("Categorical")
    assert found["optimizer"] == {"Values": ["sgd", "adam", "rmsprop", "adadelta"]}
    assert found["shuffle"] == {"Values": ["true", "false", "True", "False", "1", "0"]}
    for name, words in found.items():
        assert [word for word in words["Values"] if not parses(name, word)] == [], name
        assert not parses(name, "another"), name
        assert hyperparameters()[name]["DefaultValue"] in words["Values"]


def test_only_what_the_api_has_no_words_for_is_without_a_range() -> None:
    without = {name: one["Type"] for name, one in hyperparameters().items() if "Range" not in one}
    assert without == dict.fromkeys(
        [
            *("epochs", "num_training_samples", "label_width", "early_stopping_min_epochs", "early_stopping_patience"),
            *("_begin_epoch", "host_timeout", "shuffle_buffer", "pipe_timeout"),
        ],
        "Integer",
    ) | dict.fromkeys(
        [
            *("lr_scheduler_step", "freeze_layer_pattern", "label_attribute", "num_workers"),
            *("sagemaker_mpi_num_of_processes_per_host", "sagemaker_mpi_custom_mpi_options"),
        ],
        "FreeText",
    )


def test_what_is_tunable_has_a_range_and_makes_another_model() -> None:
    tunable = {name for name, specified in hyperparameters().items() if specified["IsTunable"]}
    of_the_built_in = {"learning_rate", "mini_batch_size", "momentum", "optimizer", "weight_decay"}
    assert of_the_built_in < tunable
    assert tunable.isdisjoint({"overlap_threshold", "num_classes", "seed", "kv_store", "export_onnx"})
    assert [name for name in tunable if "Range" not in hyperparameters()[name]] == []


def test_the_metrics_are_those_of_the_log_and_tuning_aims_at_the_built_ins() -> None:
    found = [(definition["Name"], definition["Regex"]) for definition in training()["MetricDefinitions"]]
    assert found == [(metric.name, metric.regex) for metric in METRICS]
    objective = {"Type": "Maximize", "MetricName": "validation:mAP"}
    assert training()["SupportedTuningJobObjectiveMetrics"] == [objective]


def test_the_channels_are_those_that_a_job_reads() -> None:
    images = ["application/x-image", "image/jpeg", "image/png"]
    data = (True, ["application/x-recordio", *images, "application/jsonlines"], ["File", "FastFile", "Pipe"])
    annotations = (False, [*images, "application/json", "application/xml"], ["File", "FastFile"])
    assert {
        channel["Name"]: (channel["IsRequired"], channel["SupportedContentTypes"], channel["SupportedInputModes"])
        for channel in channels()
    } == {
        "train": data,
        "validation": data,
        "train_annotation": annotations,
        "validation_annotation": annotations,
        "annotations": annotations,
        "model": (False, ["application/x-sagemaker-model"], ["File", "FastFile"]),
        "pretrained": (False, ["application/octet-stream"], ["File", "FastFile"]),
    }


def test_every_size_of_a_family_of_instances_is_in_it_and_none_whose_gpus_mxnet_has_no_code_for() -> None:
    given = training()["SupportedTrainingInstanceTypes"]
    families = {instance_type.split(".")[1] for instance_type in given}
    shape = API.shape_for("TrainingInstanceType")
    assert isinstance(shape, StringShape)
    assert sorted(given) == sorted(known for known in shape.enum if known.split(".")[1] in families)
    assert {family for family in families if family[0] in "gp"} == {
        *("p3", "p3dn", "p4d", "p4de", "g4dn", "g5", "g6", "g6e")
    }


@pytest.mark.parametrize("known", ["ml.p2.xlarge", "ml.p5.48xlarge", "ml.p6-b200.48xlarge", "ml.g7e.2xlarge"])
def test_an_instance_whose_gpus_mxnet_has_no_code_for_is_refused(known: str) -> None:
    with pytest.raises(UserError, match=rf"^instance types: expected GPUs .*, ml\.g6e\), got '{known}'$"):
        specification(IMAGE_URI, instance_types=["ml.g5.xlarge", known])


def test_other_instances_can_be_named() -> None:
    specified: Any = specification(IMAGE_URI, name="mine", instance_types=["ml.c6i.xlarge", "ml.g5.xlarge"])
    assert specified["AlgorithmName"] == "mine"
    assert specified["TrainingSpecification"]["SupportedTrainingInstanceTypes"] == ["ml.c6i.xlarge", "ml.g5.xlarge"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"image_uri": "gluon ssd"}, "image URI: expected 1 to 255 characters, none of them a space, got 'gluon ssd'"),
        ({"image_uri": "x" * 256}, f"image URI: expected 1 to 255 characters, none of them a space, got '{'x' * 256}'"),
        ({"name": "a_b"}, "name: expected up to 63 letters, digits and hyphens between them, got 'a_b'"),
        ({"name": "a-"}, "name: expected up to 63 letters, digits and hyphens between them, got 'a-'"),
        ({"name": "a-" * 32 + "a"}, f"name: expected up to 63 letters, .*, got '{'a-' * 32}a'"),
        (
            {"instance_types": ["ml.trn1.2xlarge"]},
            r"instance types: expected CPUs or GPUs of NVIDIA, got 'ml\.trn1\.2xlarge'",
        ),
        ({"instance_types": ["g5"]}, "instance types: expected names such as ml.g5.xlarge, got 'g5'"),
    ],
)
def test_what_the_api_would_refuse_is_told_of(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        specification(**{"image_uri": IMAGE_URI} | wrong)
