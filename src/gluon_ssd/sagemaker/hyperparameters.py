"""The hyperparameters of a job: a table of typed fields, read all at once."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from gluon_ssd.errors import UserError
from gluon_ssd.sagemaker.json_object import read_object
from gluon_ssd.sagemaker.rules import (
    Rule,
    any_text,
    boolean,
    increasing_integers,
    inert,
    integer,
    integer_or_auto,
    one_of,
    options_of_mpirun,
    pattern,
    real,
)

# The deepest feature map must still have a pixel; the built-in takes 300 and more with either of its networks.
LEAST_IMAGE_SHAPE = {
    "vgg-16": 268,
    "resnet-50": 64,
    "resnet-18": 64,
    "resnet-34": 64,
    "resnet-101": 64,
    "mobilenet-1.0": 64,
    "mobilenet-0.25": 64,
    "mobilenetv2-1.0": 64,
}
"""Of each base network; those after the first two are extensions."""
HOROVOD = "horovod"
_LARGEST_IMAGE_SHAPE = 8_192
# MXNet hands a seed to its engine as a C int.
_LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What a job asks for; made by `read` or `parse` only, which check it.

    Fields are named and ordered as the built-in algorithm prints them in its final configuration, then come the
    extensions, whose defaults keep the built-in's behavior. `ignored` names what was sent, accepted, and does nothing.
    """

    base_network: str = one_of(*LEAST_IMAGE_SHAPE, default="vgg-16", meaning="network that the detector is built on")
    use_pretrained_model: bool = boolean(
        default="0",
        meaning="start the base network from ImageNet weights, unless there is a model channel (the developer guide "
        "says 1, the built-in logs 0)",
    )
    num_classes: int = integer(1, 65_536, meaning="number of classes, background not counted")
    mini_batch_size: int = integer(
        1, 65_536, default="32", meaning="images in a batch of one machine, shared by its GPUs"
    )
    epochs: int = integer(1, default="30", meaning="number of epochs")
    learning_rate: float = real(
        "(0, 1]", default="0.001", meaning="initial learning rate; rmsprop divides it by 10, adadelta ignores it"
    )
    lr_scheduler_step: tuple[int, ...] = increasing_integers(
        1, default="", meaning="epochs after which the learning rate is multiplied by lr_scheduler_factor"
    )
    lr_scheduler_factor: float = real("(0, 1)", default="0.1", meaning="factor of each step of the learning rate")
    optimizer: str = one_of("sgd", "adam", "rmsprop", "adadelta", default="sgd", meaning="how weights are updated")
    momentum: float = real("[0, 1]", default="0.9", meaning="momentum of sgd")
    weight_decay: float = real("[0, 1)", default="0.0005", meaning="weight decay of sgd and rmsprop")
    overlap_threshold: float = real(
        "(0, 1]", default="0.5", meaning="IoU above which a detection is right, in validation mAP"
    )
    nms_threshold: float = real(
        "(0, 1]", default="0.45", meaning="IoU above which the weaker of two detections of a class is dropped"
    )
    num_training_samples: int = integer(1, meaning="images in the train channel; places the learning rate's steps")
    image_shape: int = integer(
        min(LEAST_IMAGE_SHAPE.values()),
        _LARGEST_IMAGE_SHAPE,
        default="300",
        meaning="side in pixels that images are resized to (the built-in algorithm takes 300 and more)",
        expected=f"an integer from {LEAST_IMAGE_SHAPE['vgg-16']} with vgg-16, {min(LEAST_IMAGE_SHAPE.values())} with "
        f"the others, to {_LARGEST_IMAGE_SHAPE}",
    )
    _tuning_objective_metric: str = inert("")
    _kvstore: str = inert("device")
    kv_store: str = one_of(
        "device",
        "dist_sync",
        "dist_async",
        HOROVOD,
        default="device",
        meaning="how machines share gradients; one machine uses device for dist_*, several take device as dist_sync; "
        "horovod has a process for each GPU",
    )
    _num_kv_servers: str = inert("auto")
    label_width: int = integer(
        1, default="350", meaning="most numbers in the label of an image: header, then 5 or 6 for each object"
    )
    freeze_layer_pattern: str = pattern(
        default="", meaning="parameters whose names begin with a match keep the values that they come with"
    )
    nms_topk: int = integer(
        1, 1_000_000, default="400", meaning="best detections of an image that enter non-maximum suppression"
    )
    early_stopping: bool = boolean(default="False", meaning="stop when validation mAP no longer improves")
    early_stopping_min_epochs: int = integer(1, default="10", meaning="epochs before early stopping may act")
    early_stopping_patience: int = integer(1, default="5", meaning="epochs without improvement before it stops")
    early_stopping_tolerance: float = real(
        "[0, 1]", default="0.0", meaning="relative gain of validation mAP that counts as improvement"
    )
    _begin_epoch: int = integer(0, default="0", meaning="number of the first epoch")
    _ps_port: int = integer(
        1, 65_535, default="8000", meaning="port of the first host where several machines meet", extension=True
    )
    host_timeout: int = integer(
        1, default="900", meaning="seconds within which all hosts of a job have to come", extension=True
    )
    seed: int = integer(
        0,
        _LARGEST_SEED,
        default="233",
        meaning="seed of everything random: weights, order of images, augmentation",
        extension=True,
    )
    reset_classes: bool = boolean(
        default="0",
        meaning="start the class heads of the model in the model channel anew, so that num_classes may differ",
        extension=True,
    )
    augmentation: str = one_of(
        "full",
        "light",
        "none",
        default="full",
        meaning="full: color, expansion, crop, mirror; light: color and mirror; none",
        extension=True,
    )
    shuffle: bool = boolean(
        default="True", meaning="train on the images in another order in each pass over them", extension=True
    )
    shuffle_buffer: int = integer(
        1,
        default="1000",
        meaning="images that a channel in Pipe mode is shuffled within; so many are held in memory",
        extension=True,
    )
    pipe_timeout: int = integer(
        1,
        default="3600",
        meaning="seconds after which a channel in Pipe mode that sends nothing fails the job",
        extension=True,
    )
    label_attribute: str = any_text(
        "the name of an attribute",
        default="",
        meaning="attribute of an augmented manifest in File mode that holds the boxes; empty: the only one that does",
        extension=True,
    )
    num_workers: int | None = integer_or_auto(
        0, meaning="processes that prepare batches on each machine", extension=True
    )
    export_onnx: bool = boolean(
        default="0", meaning="write the best model as `model.onnx` too when the job ends", extension=True
    )
    precision: str = one_of(
        "float32",
        "float16",
        "bfloat16",
        default="float32",
        meaning="type that convolutions are trained in: float16 on GPUs, bfloat16 on CPUs that have it; the model is "
        "float32 all the same",
        extension=True,
    )

    sagemaker_mpi_enabled: bool = boolean(
        default="0",
        meaning="kv_store is horovod where it is not set, as the SageMaker SDK asks for MPI",
        extension=True,
    )
    sagemaker_mpi_num_of_processes_per_host: int | None = integer_or_auto(
        1, meaning="processes of horovod on each machine; auto: one for each GPU, one without", extension=True
    )
    sagemaker_mpi_custom_mpi_options: tuple[str, ...] = options_of_mpirun(
        meaning="options that mpirun is given for horovod"
    )

    ignored: tuple[str, ...]
    _strings: tuple[tuple[str, str], ...] = dataclasses.field(repr=False)

    @classmethod
    def read(cls, path: Path) -> "Hyperparameters":
        """Read the JSON file that SageMaker writes; raise one UserError that holds every mistake."""
        return cls.parse({name: _text(value) for name, value in read_object(path).items()})

    @classmethod
    def parse(cls, strings: Mapping[str, str]) -> "Hyperparameters":
        """Check and convert hyperparameters by name; raise one UserError that holds every mistake."""
        values: dict[str, Any] = {}
        mistakes: list[str] = []
        for name, rule in _RULES.items():
            try:
                values[name] = rule.value(strings.get(name, ""))
            except ValueError as error:
                mistakes.append(f"{name}: {error}")
        mistakes += [*_too_small(values), *_too_late(values), *_out_of_step(values), *_unknown(strings)]
        if mistakes:
            raise UserError("hyperparameters: " + "; ".join(mistakes))
        ignored = tuple(name for name in strings if name not in ACTING)
        return cls(**values, ignored=ignored, _strings=tuple(_final_strings(strings).items()))

    @property
    def begin_epoch(self) -> int:
        """Number of the first epoch, which the built-in calls `_begin_epoch`."""
        return self._begin_epoch

    @property
    def ps_port(self) -> int:
        """Port of the parameter server's scheduler, which SageMaker's MXNet toolkit calls `_ps_port`."""
        return self._ps_port

    @property
    def store(self) -> str:
        """How several workers share gradients: `dist_sync`, `dist_async` or `horovod`."""
        if self.kv_store != "device":
            return self.kv_store
        return HOROVOD if self.sagemaker_mpi_enabled else "dist_sync"

    @property
    def sets_mpi(self) -> bool:
        """Whether it asks for processes that MPI starts."""
        given = (
            self.sagemaker_mpi_enabled,
            self.sagemaker_mpi_num_of_processes_per_host,
            self.sagemaker_mpi_custom_mpi_options,
        )
        return any(given)

    @property
    def trains_in_step(self) -> bool:
        """Whether several machines take each step together, so that their parameters are always the same."""
        return self.store != "dist_async"

    def as_strings(self) -> dict[str, str]:
        """Return the final configuration in the order of DEFAULTS, then what else was accepted, as it was spelled."""
        return dict(self._strings)


_RULES: dict[str, Rule] = {
    field.name: field.metadata["rule"] for field in dataclasses.fields(Hyperparameters) if "rule" in field.metadata
}
ACTING: Mapping[str, Rule] = {name: rule for name, rule in _RULES.items() if rule.meaning}
"""The rules of those that do something, by name, in order."""

DEFAULTS: dict[str, str] = {name: rule.default or "" for name, rule in _RULES.items()}
"""The configuration of a job that sets nothing, in the order in which the built-in prints it."""


def markdown_table() -> str:
    """Return the table of hyperparameters for people: one line each, extensions marked."""
    lines = ["| name | values | default | meaning | extension |", "|---|---|---|---|---|"]
    lines += [_markdown_row(name, rule) for name, rule in ACTING.items()]
    return "\n".join(lines) + "\n"


def _markdown_row(name: str, rule: Rule) -> str:
    default = "required" if rule.default is None else f"`{rule.default}`" if rule.default else "empty"
    return f"| `{name}` | {rule.expected} | {default} | {rule.meaning} | {'yes' if rule.extension else ''} |"


def _text(value: object) -> str:
    # SageMaker sends strings; whoever writes the file by hand also writes 32, true and 0.1.
    return value if isinstance(value, str) else json.dumps(value)


def _too_small(values: Mapping[str, Any]) -> list[str]:
    network, side = values.get("base_network"), values.get("image_shape")
    if network is None or side is None or side >= LEAST_IMAGE_SHAPE[network]:
        return []
    return [f"image_shape: expected {_RULES['image_shape'].expected}, got '{side}' with {network}"]


def _too_late(values: Mapping[str, Any]) -> list[str]:
    first, epochs = values.get("_begin_epoch"), values.get("epochs")
    if first is None or epochs is None or first < epochs:
        return []
    return [f"_begin_epoch: expected an integer below epochs ({epochs}), since epochs count from 0, got '{first}'"]


def _out_of_step(values: Mapping[str, Any]) -> list[str]:
    if values.get("precision") != "float16" or values.get("kv_store") != "dist_async":
        return []
    # A step whose gradients overflow is skipped by all machines, which these do not take together.
    return ["precision: expected float32 or bfloat16 with kv_store dist_async, got 'float16'"]


def _unknown(strings: Mapping[str, str]) -> list[str]:
    return [
        f"{name}: no such hyperparameter{_suggestion(name)}"
        for name in strings
        if name not in _RULES and not name.startswith(("_", "sagemaker_"))
    ]


def _suggestion(name: str) -> str:
    # Extra blanks and capitals are among the mistakes to see through.
    matches = get_close_matches(name.strip().lower(), ACTING, n=1)
    return f", did you mean '{matches[0]}'?" if matches else ""


def _final_strings(strings: Mapping[str, str]) -> dict[str, str]:
    # A blank value stands for the default, so the default is what the final configuration shows.
    given = {name: text for name, text in strings.items() if text.strip() or name not in _RULES}
    return DEFAULTS | given
