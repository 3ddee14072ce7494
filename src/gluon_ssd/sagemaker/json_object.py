"""A configuration file that holds one JSON object."""

import json
from pathlib import Path

from gluon_ssd.errors import UserError


def read_object(path: Path) -> dict[str, object]:
    """Return the JSON object in `path`; raise UserError that names the file and the place of the mistake."""
    try:
        value = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError as error:
        message = (
            f"{path}: expected a file, got none; put it there or point SAGEMAKER_BASE_DIR at the folder above input/"
        )
        raise UserError(message) from error
    except OSError as error:
        raise UserError(f"{path}: expected a file that can be read, got {error.strerror}") from error
    except ValueError as error:  # json.JSONDecodeError and UnicodeDecodeError, both of which say where
        raise UserError(f"{path}: expected JSON, got a mistake: {error}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: expected a JSON object such as {{}}, got {json.dumps(value)[:100]}")
    return value
