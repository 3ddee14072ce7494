"""What a reader of a model must know beside its graph and weights, and where it learns that from."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from importlib.metadata import version
from typing import Any

import mxnet as mx

from gluon_ssd.errors import UserError
from gluon_ssd.ssd.base_networks import BASE_NETWORKS, ONES

RAW = (0.0, 0.0, 0.0)
NEAR_ZERO = 25.0  # of 255: a channel's mean over a data set of mean-subtracted pixels

# As a job reads its hyperparameters: ASCII digits with a point and an exponent.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LARGEST = 1e30  # of a mean or a deviation: well within single precision, and not infinite or NaN
_REQUIRED = ("base_network", "num_classes", "image_shape")


def versions() -> dict[str, str]:
    """Return the versions of the programs that write a model."""
    return {"gluon_ssd": version("gluon-ssd"), "mxnet": mx.__version__}


@dataclass(frozen=True)
class Description:
    """What a reader of the model must know beside its graph and weights.

    Attributes:
        class_names: By class id, or None if the job was not told.
        input_mean: What is subtracted from red, green and blue, each 0 to 255.
        input_std: What they are then divided by.
        epoch: The epoch, from 0, that the weights are from; None if unknown.
        scores: What that epoch reached on the validation channel, by the metric's name.
        versions: Of the programs that wrote the model.
    """

    base_network: str
    num_classes: int
    image_shape: int
    input_mean: tuple[float, float, float]
    input_std: tuple[float, float, float] = ONES
    nms_threshold: float = 0.45
    nms_topk: int = 400
    class_names: tuple[str, ...] | None = None
    epoch: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=versions)


def described(content: Mapping[str, Any], place: str) -> Description:
    """Return what `content`, as JSON has it, says of a model; `place` is where it was found.

    Raises:
        UserError: Something is missing, or is not what a job writes.
    """
    known = {"versions": {}} | {
        entry.name: content[entry.name] for entry in fields(Description) if entry.name in content
    }
    for name in ("input_mean", "input_std", "class_names"):
        if isinstance(known.get(name), list):
            known[name] = tuple(known[name])  # JSON has no tuples
    missing = [entry.name for entry in fields(Description) if _is_required(entry) and entry.name not in known]
    if missing:
        raise UserError(f"model, {place}: expected a description with {', '.join(missing)}, got one without")
    description = Description(**known)
    _check(description, content, place)
    return description


def guessed(hyperparameters: Mapping[str, str], first_mean: Iterable[float] | None, place: str) -> Description:
    """Return what the hyperparameters of a job of the built-in algorithm say of its model.

    Args:
        hyperparameters: in the text that the job was given.
        first_mean: the moving mean of `bn_data`, the first BatchNorm, if the model has one.
        place: where the hyperparameters were found.

    Raises:
        UserError: Something is missing, or is not what a job is given.
    """
    said = {name: text.strip() for name, text in hyperparameters.items() if text.strip()}
    missing = [name for name in _REQUIRED if name not in said]
    if missing:
        raise UserError(f"model, {place}: expected a value for {missing[0]!r}, got none")
    base_network = said["base_network"]
    description = Description(
        base_network=base_network,
        num_classes=_number(said["num_classes"]),
        image_shape=_number(said["image_shape"]),
        input_mean=_guessed_mean(base_network, first_mean),
        input_std=BASE_NETWORKS[base_network].input_std if base_network in BASE_NETWORKS else ONES,
        nms_threshold=_number(said.get("nms_threshold", str(Description.nms_threshold))),
        nms_topk=_number(said.get("nms_topk", str(Description.nms_topk))),
        versions={},
    )
    _check(description, hyperparameters, place)
    return description


def _check(description: Description, given: Mapping[str, Any], place: str) -> None:
    """Raise a UserError unless all that a reader uses is such that it can."""
    for name, (expected, holds) in _RULES.items():
        if not holds(getattr(description, name)):
            raise UserError(f"model, {place}: {name}: expected {expected}, got {given[name]!r}")
    names = description.class_names
    if names is not None and len(names) != description.num_classes:
        raise UserError(
            f"model, {place}: class_names: expected {description.num_classes}, as num_classes says, got "
            f"{given['class_names']!r}"
        )


def _is_required(entry: "Field[Any]") -> bool:
    return entry.default is MISSING and entry.default_factory is MISSING


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_number(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and abs(value) < _LARGEST


def _is_threshold(value: object) -> bool:
    # Beyond 1, MXNet and ONNX differ in what they make of it.
    return isinstance(value, float | int) and not isinstance(value, bool) and 0 < value <= 1


def _is_pixel(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == len(RAW) and all(map(_is_number, value))


def _is_divisor(value: object) -> bool:
    return isinstance(value, tuple) and _is_pixel(value) and min(value) > 0


def _is_names(value: object) -> bool:
    return value is None or (isinstance(value, tuple) and all(map(_is_text, value)))


def _is_texts_by_name(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, value.values()))


_INTEGER = ("an integer of at least 1", _is_integer)
_RULES: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "base_network": ("a name", _is_text),
    "num_classes": _INTEGER,
    "image_shape": _INTEGER,
    "input_mean": ("three numbers", _is_pixel),
    "input_std": ("three numbers above 0", _is_divisor),
    "nms_threshold": ("a number above 0 and at most 1", _is_threshold),
    "nms_topk": _INTEGER,
    "class_names": ("a list of names, or null", _is_names),
    "versions": ("versions by program", _is_texts_by_name),
}


def _number(text: str) -> Any:  # noqa: ANN401 - what it may be is checked with all else
    """Return the number that a hyperparameter's text stands for, 32 for 32.0 too, or else the text itself."""
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    return int(number) if number.is_integer() else number


def _guessed_mean(base_network: str, first_mean: Iterable[float] | None) -> tuple[float, float, float]:
    """Tell from the first BatchNorm's mean whether the network saw raw pixels or mean-subtracted ones."""
    if first_mean is None:
        return BASE_NETWORKS[base_network].input_mean if base_network in BASE_NETWORKS else RAW
    means = list(first_mean)
    # Raw pixels have no negative mean, however dark the images are.
    subtracted = all(abs(mean) < NEAR_ZERO for mean in means) or any(mean < 0 for mean in means)
    return BASE_NETWORKS["vgg-16"].input_mean if subtracted else RAW
