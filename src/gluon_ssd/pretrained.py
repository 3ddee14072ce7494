"""ImageNet weights for the base network: found in folders, checked, and read."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import mxnet as mx
import numpy as np

from gluon_ssd import file_kinds
from gluon_ssd.errors import UserError
from gluon_ssd.imagenet.places import FOLDER_VARIABLE
from gluon_ssd.imagenet.weight_files import WEIGHT_FILES, WeightFile
from gluon_ssd.ssd import base_networks
from gluon_ssd.ssd.network import SSD

_SHOWN = 5

Parameters = dict[str, mx.nd.NDArray]
WeightFiles = Mapping[str, Sequence[WeightFile]]


def find(base_network: str, folders: Sequence[Path], *, weight_files: WeightFiles = WEIGHT_FILES) -> Path:
    """Return the file of ImageNet weights for this base network, from the first folder that has one, at any depth.

    Its digest is the published one, if there is one.

    Raises:
        UserError: None has, which says which files were looked for, and where; or the file has another digest.
    """
    wanted = weight_files.get(base_network, ())
    searched = []
    for folder in folders:
        listing = _parameter_files(folder)
        for weight_file in wanted:
            for file in listing or ():
                if weight_file.is_called(Path(file).name):
                    _check_digest(folder / file, weight_file)
                    return folder / file
        searched.append(f"{folder} ({_seen(listing)})")
    names = " or ".join(weight_file.file_name for weight_file in wanted)
    raise UserError(
        f"use_pretrained_model: expected ImageNet weights for {base_network}, {names}, got none in "
        f"{', '.join(searched)}; put the file into a channel named pretrained, or into the image with "
        f"RUN gluon-ssd fetch-weights {base_network} in its Dockerfile, or into a folder that the environment variable "
        f"{FOLDER_VARIABLE} names; or set use_pretrained_model to 0"
    )


def read(path: Path, network: SSD, *, weight_files: WeightFiles = WEIGHT_FILES) -> tuple[Parameters, Parameters]:
    """Return the arguments and the moving statistics of the network's base, from a file that `find` has found.

    They are converted to what the network sees of a pixel. Nothing else is in them: no heads, no extra layers.

    Raises:
        UserError: The file is not what its name says: a parameter is missing or another.
    """
    weight_file = _called(path.name, weight_files[network.base_network])
    arrays = weight_file.read(path, network)
    base = base_networks.find(network.base_network, network.image_shape).symbol()
    # What the network has no parameters for is the input, or the classifier's end.
    arguments = [name for name in base.list_arguments() if name in network.parameters]
    states = [name for name in base.list_auxiliary_states() if name in network.parameters]
    _check_complete(path, arrays, [*arguments, *states], network)
    return {name: arrays[name] for name in arguments}, {name: arrays[name] for name in states}


def digest(path: Path) -> str:
    """Return a file's SHA-1, which is what GluonCV publishes: it tells a broken or another file, not a forged one.

    Raises:
        UserError: The file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha1").hexdigest()
    except OSError as error:
        raise UserError(f"pretrained weights, {path}: expected a file that can be read, got {error}") from error


def _parameter_files(folder: Path) -> list[str] | None:
    """Return the relative paths of the parameter files under a folder, the nearest first; None without a folder."""
    try:
        files = [file for file in file_kinds.visible(folder) if file.endswith(".params")]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(f"pretrained weights: expected a folder that can be read, got {error}") from error
    return sorted(files, key=lambda file: (file.count("/"), file))


def _seen(listing: Sequence[str] | None) -> str:
    if listing is None:
        return "no such folder"
    more = ", ..." if len(listing) > _SHOWN else ""
    return f"which has {', '.join(listing[:_SHOWN])}{more}" if listing else "which has no .params file"


def _called(file_name: str, weight_files: Sequence[WeightFile]) -> WeightFile:
    return next(weight_file for weight_file in weight_files if weight_file.is_called(file_name))


def _check_digest(path: Path, weight_file: WeightFile) -> None:
    if weight_file.sha1 is None:
        return
    found = digest(path)
    if found != weight_file.sha1:
        raise UserError(
            f"pretrained weights, {path}: expected SHA-1 {weight_file.sha1}, as of GluonCV's {weight_file.file_name}, "
            f"got {found}; fetch the file again"
        )


def _check_complete(path: Path, arrays: Parameters, names: Sequence[str], network: SSD) -> None:
    missing = [name for name in names if name not in arrays]
    if missing:
        raise UserError(
            f"pretrained weights, {path}: expected all parameters of {network.base_network}, got none called "
            f"{', '.join(missing[:_SHOWN])}; {len(missing)} are missing in all"
        )
    for name in names:
        expected = network.parameters[name].shape
        if arrays[name].shape != expected:
            raise UserError(
                f"pretrained weights, {path}: expected {name} of shape {expected}, got {arrays[name].shape}"
            )
        if not np.isfinite(arrays[name].asnumpy()).all():
            raise UserError(f"pretrained weights, {path}: expected finite numbers, got others in {name}")
