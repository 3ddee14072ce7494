"""The model folder: what a job leaves behind, written and read in the built-in algorithm's own form.

`hyperparams.json`, `model_algo_1-symbol.json` and `model_algo_1-0000.params` are what the built-in algorithm writes;
`model.json` beside them holds what its files do not say, and `deploy_model_algo_1-symbol.json` is the graph to detect
with, as its users make it with `deploy.py` of zhreshold/mxnet-ssd; it takes the same parameters.
"""

import gzip
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import Any

import mxnet as mx

from gluon_ssd.errors import PlatformError, UserError
from gluon_ssd.ssd.base_networks import BASE_NETWORKS, ONES

PREFIX = "model_algo_"
HYPERPARAMETERS = "hyperparams.json"
SYMBOL = f"{PREFIX}1-symbol.json"
PARAMETERS = f"{PREFIX}1-0000.params"
DEPLOY_SYMBOL = f"deploy_{SYMBOL}"
DESCRIPTION = "model.json"
ONNX = "model.onnx"
ARCHIVE_ORDER = (HYPERPARAMETERS, SYMBOL, PARAMETERS, DESCRIPTION)  # the built-in algorithm's
WRITING_ORDER = (HYPERPARAMETERS, SYMBOL, DESCRIPTION, PARAMETERS)
UNFINISHED = ".writing-"

RAW = (0.0, 0.0, 0.0)
NEAR_ZERO = 25.0  # of 255: a channel's mean over a data set of mean-subtracted pixels


def versions() -> dict[str, str]:
    """Return the versions of the programs that write a model."""
    return {"gluon_ssd": version("gluon-ssd"), "mxnet": mx.__version__}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and isfinite(value)


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

    def is_mistyped(self, name: str) -> bool:
        """Say whether an attribute, of those that a reader computes with, is of another kind than it should be."""
        value = getattr(self, name)
        if name in ("input_mean", "input_std"):
            is_pixel = isinstance(value, tuple) and len(value) == len(RAW) and all(map(_is_number, value))
            return not is_pixel or (name == "input_std" and min(value) <= 0)
        if name == "class_names":
            is_names = isinstance(value, tuple) and all(isinstance(entry, str) for entry in value)
            return not (value is None or (is_names and len(value) == self.num_classes))
        if name in ("num_classes", "image_shape", "nms_topk"):
            return not (isinstance(value, int) and value > 0)
        return name == "nms_threshold" and not _is_number(value)


@dataclass(frozen=True)
class Artifact:
    """A model folder's contents; the symbol has the outputs `cls_prob`, `loc_loss`, `cls_label` and `det_out`.

    Attributes:
        parameter_file: Where the parameters were read from.
    """

    symbol: mx.sym.Symbol
    arg_params: dict[str, mx.nd.NDArray]
    aux_params: dict[str, mx.nd.NDArray]
    hyperparameters: dict[str, str]
    description: Description
    parameter_file: Path = Path(PARAMETERS)

    @property
    def prefix(self) -> Path:
        """What MXNet's `load_checkpoint` calls the prefix: `model_algo_1`, or that of another host."""
        return self.parameter_file.with_name(self.parameter_file.name.rpartition("-")[0])


def check_writable(folder: Path) -> None:
    """Raise the PlatformError that `write` would, before hours have gone into a model."""
    with _staging(folder) as staging:
        (staging / DESCRIPTION).touch()


def write(
    folder: Path,
    symbol: mx.sym.Symbol,
    arg_params: Mapping[str, mx.nd.NDArray],
    aux_params: Mapping[str, mx.nd.NDArray],
    *,
    hyperparameters: Mapping[str, str],
    description: Description,
) -> None:
    """Put this model into `folder`, over any that `write` put there before.

    Each file is replaced whole, the parameters last; nothing else is left behind, not even by a failure.

    Raises:
        PlatformError: The folder cannot be written to.
    """
    with _staging(folder) as staging:
        _write_line(staging / HYPERPARAMETERS, hyperparameters)
        symbol.save(str(staging / SYMBOL))
        write_description(staging, description)
        mx.nd.save(str(staging / PARAMETERS), _joined(arg_params, aux_params))
        for name in WRITING_ORDER:
            (staging / name).replace(folder / name)


def write_deploy_symbol(folder: Path, symbol: mx.sym.Symbol) -> None:
    """Put the graph that only detects beside the model in `folder`, whose parameters are its own too.

    Raises:
        PlatformError: The folder cannot be written to.
    """
    with replacing(folder / DEPLOY_SYMBOL) as path:
        symbol.save(str(path))


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Give a path to write to, which takes the place of a model folder's `file` when the block ends well.

    Raises:
        PlatformError: The folder cannot be written to.
    """
    with _staging(file.parent) as staging:
        yield staging / file.name
        (staging / file.name).replace(file)


def read(folder: Path) -> Artifact:
    """Read a model that this project or the built-in algorithm has written.

    The built-in algorithm puts the host into the file names and may end them with any epoch. Without `model.json` the
    description comes from the hyperparameters.

    Raises:
        UserError: A file is missing or cannot be read.
    """
    symbol_file = _only(folder, f"{PREFIX}*-symbol.json")
    prefix = symbol_file.name.removesuffix("-symbol.json")
    parameter_file = _only(folder, f"{prefix}-*.params")
    arg_params, aux_params = _load_parameters(parameter_file)
    hyperparameters = {name: str(value) for name, value in _read_json(folder / HYPERPARAMETERS).items()}
    if (folder / DESCRIPTION).exists():
        description = described(_read_json(folder / DESCRIPTION), str(folder / DESCRIPTION))
    else:
        description = _guessed(folder / HYPERPARAMETERS, hyperparameters, aux_params)
    symbol = _load_symbol(symbol_file)
    return Artifact(symbol, arg_params, aux_params, hyperparameters, description, parameter_file)


def write_description(folder: Path, description: Description) -> None:
    """Write `model.json` alone; raises OSError."""
    _write_line(folder / DESCRIPTION, asdict(description))


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
    try:
        description = Description(**known)
    except TypeError as error:
        raise UserError(f"model, {place}: expected a description of the model, got {error}") from error
    for name in filter(description.is_mistyped, known):
        raise UserError(f"model, {place}: {name}: expected what a job writes, got {content[name]!r}")
    return description


def archive(folder: Path, path: Path) -> None:
    """Pack the model folder's files into a flat `tar.gz`, as SageMaker does; equal files give equal bytes.

    Raises:
        PlatformError: The archive cannot be written.
    """
    names = sorted(file.name for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    names.sort(key=lambda name: ARCHIVE_ORDER.index(name) if name in ARCHIVE_ORDER else len(ARCHIVE_ORDER))
    with _staging(path.parent) as staging:
        with (
            (staging / path.name).open("wb") as raw,
            # No time and no name in its header, or no two archives would be equal; weights hardly compress.
            gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w") as tar,
        ):
            for name in names:
                tar.add(folder / name, arcname=name, filter=_anonymous)
        (staging / path.name).replace(path)


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Give a hidden folder inside `folder`, on the same disk, that is gone afterwards whatever happens."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{UNFINISHED}*"):  # of a process that was killed while it wrote
            shutil.rmtree(left)
        staging = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except (OSError, mx.base.MXNetError) as error:
        raise PlatformError(f"output: expected to write to {folder}, got {error}") from error


def _write_line(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")


def _joined(
    arg_params: Mapping[str, mx.nd.NDArray], aux_params: Mapping[str, mx.nd.NDArray]
) -> dict[str, mx.nd.NDArray]:
    """Return the parameters as one dictionary, with the prefixes of MXNet's checkpoints."""
    arguments = {f"arg:{name}": array for name, array in arg_params.items()}
    return arguments | {f"aux:{name}": array for name, array in aux_params.items()}


def _only(folder: Path, pattern: str) -> Path:
    """Return the file of this form; of several the last by name, which is the last epoch."""
    files = sorted(folder.glob(pattern))
    if not files:
        raise UserError(f"model: expected a file {pattern} in {folder}, got none")
    return files[-1]


def _load_symbol(path: Path) -> mx.sym.Symbol:
    graph = _read_json(path)  # since MXNet's own message about broken JSON may itself be unreadable
    try:
        return mx.sym.load_json(json.dumps(graph))
    except mx.base.MXNetError as error:
        raise UserError(f"model, {path}: expected an MXNet graph, got {_shortened(error)}") from error


def _load_parameters(path: Path) -> tuple[dict[str, mx.nd.NDArray], dict[str, mx.nd.NDArray]]:
    try:
        arrays = mx.nd.load(str(path))
    except mx.base.MXNetError as error:
        raise UserError(f"model, {path}: expected MXNet parameters, got {_shortened(error)}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"model, {path}: expected names of parameters in UTF-8, got {error}") from error
    if not isinstance(arrays, dict):
        raise UserError(f"model, {path}: expected named parameters, got a list")
    parts: dict[str, dict[str, mx.nd.NDArray]] = {"arg": {}, "aux": {}}
    for name, array in arrays.items():
        kind, _, rest = name.partition(":")
        if kind not in parts:
            raise UserError(f"model, {path}: expected names that begin with arg: or aux:, got {name!r}")
        parts[kind][rest] = array
    return parts["arg"], parts["aux"]


def _shortened(error: mx.base.MXNetError) -> str:
    """Return the reason in MXNet's message, without its stack trace, on one line."""
    message = str(error).partition("Stack trace")[0]
    return " ".join(message[max(message.find("Check failed"), 0) :].split())


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"model: expected a file {path}, got none") from error
    except ValueError as error:
        raise UserError(f"model, {path}: expected JSON, got {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"model, {path}: expected a JSON object, got {type(content).__name__}")
    return content


def _guessed(path: Path, hyperparameters: Mapping[str, str], aux_params: Mapping[str, mx.nd.NDArray]) -> Description:
    try:
        base_network = hyperparameters["base_network"]
        return Description(
            base_network=base_network,
            num_classes=int(hyperparameters["num_classes"]),
            image_shape=int(hyperparameters["image_shape"]),
            input_mean=_guessed_mean(base_network, aux_params),
            input_std=BASE_NETWORKS[base_network].input_std if base_network in BASE_NETWORKS else ONES,
            nms_threshold=float(hyperparameters.get("nms_threshold", Description.nms_threshold)),
            nms_topk=int(hyperparameters.get("nms_topk", Description.nms_topk)),
            versions={},
        )
    except KeyError as error:
        raise UserError(f"model, {path}: expected a value for {error}, got none") from error
    except ValueError as error:
        raise UserError(f"model, {path}: expected numbers, got {error}") from error


def _guessed_mean(base_network: str, aux_params: Mapping[str, mx.nd.NDArray]) -> tuple[float, float, float]:
    """Tell from the first BatchNorm's mean whether the network saw raw pixels or mean-subtracted ones."""
    if "bn_data_moving_mean" not in aux_params:
        return BASE_NETWORKS[base_network].input_mean if base_network in BASE_NETWORKS else RAW
    mean = aux_params["bn_data_moving_mean"].asnumpy()
    # Raw pixels have no negative mean, however dark the images are.
    subtracted = (abs(mean) < NEAR_ZERO).all() or (mean < 0).any()
    return BASE_NETWORKS["vgg-16"].input_mean if subtracted else RAW


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Drop who packed the file and when."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o644
    return entry
