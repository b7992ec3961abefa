"""Reading the small JSON files of a model folder, which a stranger may have written."""

import json
from pathlib import Path
from typing import Any

from core.errors import UserError

MAX_BYTES = 64 << 20  # an index of a large mixture of experts has some 10 MB


def read_json(file: Path) -> dict[str, Any]:
    """Return the object in `file`.

    Raises:
        UserError: It is missing, too large, no JSON or no object.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise UserError(f"{file.name} is too large to be true.", "Download the model again.")
        content = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{file.parent.name} has no {file.name}.",
            "Choose a model folder in the Hugging Face layout.",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{file.name} in {file.parent.name} cannot be read: {error}.",
            "Download the model again.",
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{file.name} holds no settings.", "Download the model again.")
    return content
