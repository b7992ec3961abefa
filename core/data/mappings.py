"""What the user said about the columns of a file, remembered for the next time it is opened.

A file is known by its beginning and its size, so that a copy under another name needs no answer
again, and another file under the same name is asked about anew. Runs never look here: `run.toml`
names the columns itself.
"""

import json
from contextlib import suppress
from hashlib import sha256
from typing import Any

from core.data.source import Source
from core.durable import replace_file
from core.paths import mappings_file

HEAD = 1 << 16
"""Bytes that tell files apart, with their size."""
MOST = 500
KEYS = ("data.prompt_column", "data.answer_column", "data.template")


def recall(source: Source) -> dict[str, str]:
    """Return the settings that the user chose for these files; all empty if there are none."""
    found = _read().get(_fingerprint(source), {})
    return {key: str(found.get(key, "")) for key in KEYS}


def remember(source: Source, changes: dict[str, Any]) -> None:
    """Keep the settings of the columns for these files."""
    known, name = _read(), _fingerprint(source)
    known.pop(name, None)
    known[name] = {key: changes.get(key, "") for key in KEYS}
    newest = dict(list(known.items())[-MOST:])
    path = mappings_file()
    with suppress(OSError):  # a full disk must not keep anybody from their data
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(newest, indent=1).encode())


def _fingerprint(source: Source) -> str:
    digest = sha256()
    for file in source.files[:1]:
        with suppress(OSError), file.open("rb") as stream:
            digest.update(stream.read(HEAD))
            digest.update(str(file.stat().st_size).encode())
    return digest.hexdigest()


def _read() -> dict[str, dict[str, Any]]:
    """Return what is kept; nothing where the file is damaged."""
    try:
        kept = json.loads(mappings_file().read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(kept, dict):
        return {}
    return {name: value for name, value in kept.items() if isinstance(value, dict)}
