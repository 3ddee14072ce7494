"""Where ImageNet weights are looked for."""

import os
from collections.abc import Mapping
from pathlib import Path

IMAGE_FOLDER = Path("/usr/local/share/gluon-ssd/pretrained")
"""The folder that an image has them in."""
FOLDER_VARIABLE = "GLUON_SSD_PRETRAINED"
"""The environment variable that names another folder."""


def folders(channel: Path | None, environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Return where to look, in this order: the job's channel, if it has one, FOLDER_VARIABLE's, and IMAGE_FOLDER."""
    named = environment.get(FOLDER_VARIABLE, "")
    return [*([channel] if channel else []), *([Path(named)] if named else []), IMAGE_FOLDER]


def own_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where this machine has them: FOLDER_VARIABLE's folder, or else IMAGE_FOLDER."""
    return folders(None, environment)[0]
