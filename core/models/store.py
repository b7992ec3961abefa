"""Models that Rankscope converted or downloaded, each in a folder that is complete or not there.

A model is written into `.tmp-NAME-PID-…`, synced, and then renamed. Whoever comes second finds the
finished folder and throws its own copy away; leftovers of dead processes are swept.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import psutil

from core.durable import sync_file, sync_folder
from core.errors import UserError
from core.paths import models_dir

RECORD = "rankscope.json"
_SAMPLE = 1 << 20


def stored(name: str) -> Path | None:
    """Return the finished folder called `name`, or None."""
    folder = models_dir() / name
    return folder if (folder / RECORD).is_file() else None


def unpacked(file: Path) -> Path | None:
    """Return the folder that a GGUF file was converted to, or None."""
    return stored(f"{file.stem}-{fingerprint(file)}")


def stored_models() -> list[Path]:
    """Return all finished folders, by name."""
    return sorted(record.parent for record in models_dir().glob(f"[!.]*/{RECORD}"))


def existing_parent() -> Path:
    """Return the nearest folder above the models that exists, to ask for its free space."""
    return next(p for p in (models_dir(), *models_dir().parents) if p.exists())


def fingerprint(file: Path) -> str:
    """Return 12 hex digits for the content of a large file: its size, head and tail."""
    size = file.stat().st_size
    digest = sha256(str(size).encode())
    with file.open("rb") as stream:
        digest.update(stream.read(_SAMPLE))
        stream.seek(max(0, size - _SAMPLE))
        digest.update(stream.read(_SAMPLE))
    return digest.hexdigest()[:12]


def read_record(folder: Path) -> dict[str, str]:
    """Return what was noted when `folder` was made; empty for any other folder."""
    try:
        content = json.loads((folder / RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in content.items()}


@contextmanager
def unfinished(name: str) -> Iterator[Path]:
    """Give an empty temporary folder for the model `name`; it is gone at the end, come what may.

    Raises:
        UserError: The folder of models cannot be written.
    """
    _sweep()
    try:
        models_dir().mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".tmp-{_own_pid()}-", dir=models_dir()))
    except OSError as error:
        raise UserError(
            f"The folder of models cannot be written: {error}.",
            "Set RANKSCOPE_HOME to a folder on a disk with room.",
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def commit(folder: Path, name: str, record: dict[str, str]) -> Path:
    """Make the finished `folder` durable and give it its name; return where it now is."""
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    for file in sorted(folder.iterdir()):
        sync_file(file)
    sync_folder(folder)
    target = models_dir() / name
    if target.exists() and stored(name) is None:  # a folder that somebody damaged by hand
        target.rename(target.with_name(f".tmp-{_own_pid()}-damaged-{folder.name}"))
    try:
        folder.rename(target)
    except OSError:
        if stored(name) is None:
            raise
    sync_folder(target.parent)
    return target


def _own_pid() -> int:
    return psutil.Process().pid


def _sweep() -> None:
    """Delete the temporary folders of processes that are no more."""
    for folder in models_dir().glob(".tmp-*"):
        pid = folder.name.split("-")[1]
        if not (pid.isdigit() and psutil.pid_exists(int(pid))):
            shutil.rmtree(folder, ignore_errors=True)
