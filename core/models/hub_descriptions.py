"""What the hub told about models that are not on this computer, kept for the next time.

One JSON file per model, in the form of `core.models.json`: no network is needed to plan for a model
a second time. Once it is downloaded, its own files are read instead.
"""

import json
from pathlib import Path

from core.durable import replace_file
from core.models.info import ModelInfo
from core.models.json import from_json, to_json
from core.paths import descriptions_dir


def keep_description(info: ModelInfo) -> None:
    """Keep a description; where the folder cannot be written it is asked for again next time."""
    file = _file(info.source)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, json.dumps(to_json(info)).encode())
    except OSError:
        return


def kept_description(hub_id: str) -> ModelInfo | None:
    """Return the description that was kept, or None where there is none that can be read."""
    try:
        return from_json(json.loads(_file(hub_id).read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):  # missing, damaged, or of another version
        return None


def _file(hub_id: str) -> Path:
    return descriptions_dir() / f"{hub_id.replace('/', '--')}.json"
