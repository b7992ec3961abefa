"""Writes that survive a crash: temporary file, fsync, rename, fsync of the parent.

Rename without fsync is the classic mistake (Pillai et al., OSDI 2014): after a power loss the new
name can point to an empty file.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_REPLACED = ".old-"


def sync_folder(folder: Path) -> None:
    """Make renames and new names inside `folder` durable (nothing to do on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_synced(path: Path, data: bytes) -> None:
    """Write a new file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, data: bytes) -> None:
    """Replace `path` atomically: a reader sees the old content or the new, never a part."""
    unfinished = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        write_synced(unfinished, data)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a place for the new content of `path`, which takes over when the block is through."""
    unfinished = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        yield unfinished
        sync_file(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(path.parent)


def replace_folder(unfinished: Path, target: Path) -> None:
    """Rename the complete folder `unfinished` to `target`, which may exist.

    No system renames onto a folder that holds something, so the old one steps aside first. Whoever
    dies in between leaves no `target`; `put_back` then restores the old one.

    Raises:
        OSError: The disk refuses; the old folder is where it was.
    """
    replaced = target.with_name(_REPLACED + target.name)
    shutil.rmtree(replaced, ignore_errors=True)
    if target.exists():
        target.rename(replaced)
    try:
        unfinished.rename(target)
    except OSError:
        put_back(target.parent)
        raise
    sync_folder(target.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def put_back(folder: Path) -> None:
    """Undo what a dead process left half done in `replace_folder`; only a live owner may call."""
    for replaced in folder.glob(f"{_REPLACED}*"):
        target = replaced.with_name(replaced.name.removeprefix(_REPLACED))
        if target.exists():
            shutil.rmtree(replaced, ignore_errors=True)
        else:
            replaced.rename(target)
            sync_folder(folder)


def sync_file(path: Path) -> None:
    """Wait until a file that something else wrote is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
