"""Where results of measurements are kept, so that looking at them again costs nothing.

A result lies in ranks/ of the run whose adapter was measured, else in a folder of the program. Its
name holds a fingerprint of all that it depends on: the adapter's files, the settings of model, data
and measurement, and size and time of the data files. What has changed since is measured anew.
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from core.data.source import find_source
from core.durable import replace_file
from core.errors import UserError
from core.paths import evidence_dir
from core.ranks.evidence import Evidence
from core.ranks.find import find_adapter
from core.ranks.peft_format import CONFIG_FILE, WEIGHTS_FILE
from core.refusals import way_out
from core.run_folder import RunFolder

E = TypeVar("E", bound=Evidence)

_LAYOUT = 1  # raised when a result is measured in another way


def adapter_fingerprint(folder: Path) -> str:
    """Return the SHA-256 of the files of a PEFT folder; unchanged ones are read once."""
    digest = hashlib.sha256()
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        file = folder / name
        status = file.stat()
        digest.update(_digest(file, status.st_size, status.st_mtime_ns))
    return digest.hexdigest()


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, modified: int) -> bytes:
    """Return the SHA-256 of a file as it is at that size and time."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def data_identity(path: str) -> list[object]:
    """Return what changes when a data file is edited: its place, size and time.

    Raises:
        UserError: There is no such file.
    """
    identity = find_source(path).identity()
    return [part for file, *rest in identity for part in (str(Path(file).resolve()), *rest)]


class Shelf:
    """The results that were measured on one adapter.

    Args:
        path: A PEFT or run folder.

    Raises:
        UserError: There is no adapter.
    """

    def __init__(self, path: Path) -> None:
        run = RunFolder(path)
        self._adapter = adapter_fingerprint(find_adapter(path))
        is_run = run.settings_file.is_file()
        self.folder = run.ranks_dir if is_run else evidence_dir() / self._adapter[:20]

    def file(self, measure: str, depends_on: dict[str, Any]) -> Path:
        """Return where a result lies, or will.

        Args:
            measure: What was measured, as in "curve".
            depends_on: All that decides the result beside the adapter, as JSON data.
        """
        content = json.dumps([_LAYOUT, self._adapter, depends_on], sort_keys=True)
        key = hashlib.sha256(content.encode()).hexdigest()[:16]
        return self.folder / f"{measure}-{key}.json"


def load_evidence(file: Path, kind: type[E]) -> E | None:
    """Return the result in a file, None where there is none that can be read."""
    try:
        return kind.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def keep_evidence(file: Path, result: Evidence) -> None:
    """Write a result atomically.

    Raises:
        UserError: The folder cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, result.model_dump_json().encode())
    except OSError as error:
        raise UserError(
            f"The measurement cannot be kept in {file.parent}: {error.strerror}.",
            way_out(error),
        ) from None
