"""ImageNet weights fetched from GluonCV's model store, for an image that is being built."""

import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from gluon_ssd.errors import PlatformError, UserError
from gluon_ssd.imagenet.weight_files import WEIGHT_FILES, WeightFile
from gluon_ssd.pretrained import digest
from gluon_ssd.tools.download import PAUSES, download
from gluon_ssd.tools.written_aside import written_aside

STORE = "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/"  # `apache_repo_url` of GluonCV's model_store.py
STORE_VARIABLE = "MXNET_GLUON_REPO"
"""The environment variable that names another, for MXNet and GluonCV too."""

_LARGEST = 1 << 30  # bytes; vgg16_atrous and resnet101_v2 have less than a fifth


def choose(base_network: str) -> WeightFile:
    """Return the file for this base network that has a published digest.

    Raises:
        UserError: There is no such base network.
    """
    if base_network not in WEIGHT_FILES:
        raise UserError(f"fetch-weights: expected some of {', '.join(WEIGHT_FILES)}, got {base_network!r}")
    return next(weight_file for weight_file in WEIGHT_FILES[base_network] if weight_file.sha1)


def fetch(weight_file: WeightFile, folder: Path, *, store: str = STORE, pauses: Sequence[float] = PAUSES) -> str:
    """Put a file of weights into a folder, unless it is there; return what there is to tell.

    Only a file of the digest that was published is put there.

    Raises:
        UserError: The folder cannot be written.
        PlatformError: The store does not have the file, or does not answer.
    """
    target = folder / weight_file.file_name
    if target.is_file() and digest(target) == weight_file.sha1:
        return f"{target} was there already"
    url = f"{store.rstrip('/')}/gluon/models/{weight_file.published}.zip"
    try:
        with written_aside(target) as aside:
            archive = aside / f"{weight_file.published}.zip"
            download(url, archive, limit=_LARGEST, pauses=pauses)
            (_unpack(url, archive, weight_file)).replace(target)
    except PlatformError as error:
        raise PlatformError(
            f"{error}; set {STORE_VARIABLE} to a store that has it, or put {weight_file.file_name} (SHA-1 "
            f"{weight_file.sha1}) into {folder} by hand"
        ) from error
    return f"{target} ({target.stat().st_size / 1e6:.1f} MB)"


def _unpack(url: str, archive: Path, weight_file: WeightFile) -> Path:
    """Return the unpacked file, beside the archive; nothing else that is in the archive is looked at."""
    unpacked = archive.with_name(weight_file.file_name)
    try:
        with zipfile.ZipFile(archive) as zipped:
            size = zipped.getinfo(weight_file.file_name).file_size  # zipfile reads no more than it tells here
            if size > _LARGEST:
                raise PlatformError(f"{url}: expected a file of at most {_LARGEST:,} bytes in it, got {size:,}")
            with zipped.open(weight_file.file_name) as source, unpacked.open("wb") as sink:
                shutil.copyfileobj(source, sink)
    except KeyError as error:
        raise PlatformError(f"{url}: expected {weight_file.file_name} in it, got a zip file without") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise PlatformError(f"{url}: expected a zip file, got another or a broken one: {error}") from error
    found = digest(unpacked)
    if found != weight_file.sha1:
        raise PlatformError(f"{url}: expected {weight_file.file_name} of SHA-1 {weight_file.sha1}, got {found}")
    return unpacked
