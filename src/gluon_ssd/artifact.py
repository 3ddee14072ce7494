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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mxnet as mx

from gluon_ssd import mxnet_error, parameter_file
from gluon_ssd.description import Description, described, guessed
from gluon_ssd.errors import PlatformError, UserError

PREFIX = "model_algo_"
HYPERPARAMETERS = "hyperparams.json"
SYMBOL = f"{PREFIX}1-symbol.json"
PARAMETERS = f"{PREFIX}1-0000.params"
DEPLOY_SYMBOL = f"deploy_{SYMBOL}"
DESCRIPTION = "model.json"
ONNX = "model.onnx"
FIRST_MEAN = "bn_data_moving_mean"
ARCHIVE_ORDER = (HYPERPARAMETERS, SYMBOL, PARAMETERS, DESCRIPTION)  # the built-in algorithm's
WRITING_ORDER = (HYPERPARAMETERS, SYMBOL, DESCRIPTION, PARAMETERS)
UNFINISHED = ".writing-"
_SYMBOLS = f"{PREFIX}*-symbol.json"


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
    # Nothing is cleared away: in SageMaker's local mode all hosts have one model folder, and look at it at once.
    with _aside(folder) as aside:
        (aside / DESCRIPTION).touch()


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
    symbol_file = _symbol_file(folder)
    prefix = symbol_file.name.removesuffix("-symbol.json")
    file = _only(folder, f"{prefix}-*.params")
    arg_params, aux_params = parameter_file.read(file, what="model")
    hyperparameters = {name: str(value) for name, value in _read_json(folder / HYPERPARAMETERS).items()}
    if (folder / DESCRIPTION).exists():
        description = described(_read_json(folder / DESCRIPTION), str(folder / DESCRIPTION))
    else:
        first_mean = aux_params[FIRST_MEAN].asnumpy().ravel().tolist() if FIRST_MEAN in aux_params else None
        description = guessed(hyperparameters, first_mean, str(folder / HYPERPARAMETERS))
    symbol = _load_symbol(symbol_file)
    return Artifact(symbol, arg_params, aux_params, hyperparameters, description, file)


def write_description(folder: Path, description: Description) -> None:
    """Write `model.json` alone; raises OSError."""
    _write_line(folder / DESCRIPTION, asdict(description))


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
    """Give a folder to write in, as `_aside` does, and clear away those of processes that were killed meanwhile."""
    with _aside(folder) as staging:
        for left in folder.glob(f"{UNFINISHED}*"):
            if left != staging:
                shutil.rmtree(left)
        yield staging


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """Give a hidden folder inside `folder`, on the same disk, that is gone afterwards whatever happens."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
        try:
            yield aside
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise PlatformError(f"output: expected to write to {folder}, got {error}") from error
    except mx.base.MXNetError as error:  # it does not say why, and of a disk that is full little else
        raise PlatformError(
            f"output: expected to write to {folder}, got {mxnet_error.reason(error)}; if its disk is full, give "
            "the job a larger volume"
        ) from error


def _write_line(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")


def _joined(
    arg_params: Mapping[str, mx.nd.NDArray], aux_params: Mapping[str, mx.nd.NDArray]
) -> dict[str, mx.nd.NDArray]:
    """Return the parameters as one dictionary, with the prefixes of MXNet's checkpoints."""
    arguments = {f"arg:{name}": array for name, array in arg_params.items()}
    return arguments | {f"aux:{name}": array for name, array in aux_params.items()}


def _symbol_file(folder: Path) -> Path:
    exported = sorted(folder.glob("*.onnx"))
    if exported and not any(folder.glob(_SYMBOLS)):
        raise UserError(
            f"model: expected a file {_SYMBOLS} in {folder}, got only {exported[0].name}: an ONNX file cannot be "
            "trained on or exported; to detect with it, name the file itself"
        )
    return _only(folder, _SYMBOLS)


def _only(folder: Path, pattern: str) -> Path:
    """Return the file of this form; of several the last by name, which is the last epoch."""
    files = sorted(folder.glob(pattern))
    if not files:
        alone = "; a graph that only detects cannot stand for it" if (folder / DEPLOY_SYMBOL).exists() else ""
        raise UserError(f"model: expected a file {pattern} in {folder}, got none{alone}")
    return files[-1]


def _load_symbol(path: Path) -> mx.sym.Symbol:
    graph = _read_json(path)  # since MXNet's own message about broken JSON may itself be unreadable
    try:
        return mx.sym.load_json(json.dumps(graph))
    except mx.base.MXNetError as error:
        raise UserError(f"model, {path}: expected an MXNet graph, got {mxnet_error.reason(error)}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"model: expected a file {path}, got none") from error
    except OSError as error:
        raise UserError(f"model, {path}: expected a file that can be read, got {error.strerror}") from error
    except RecursionError as error:
        raise UserError(f"model, {path}: expected JSON, got values in each other too deep to read") from error
    except ValueError as error:
        raise UserError(f"model, {path}: expected JSON, got {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"model, {path}: expected a JSON object, got {type(content).__name__}")
    return content


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Drop who packed the file and when."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o644
    return entry
