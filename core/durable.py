"""Writes that survive a crash: temporary file, fsync, rename, fsync of the parent.

Rename without fsync is the classic mistake (Pillai et al., OSDI 2014): after a power loss the new
name can point to an empty file.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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


def sync_file(path: Path) -> None:
    """Wait until a file that something else wrote is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
