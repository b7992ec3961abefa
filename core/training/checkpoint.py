"""Checkpoints that survive a kill, a full disk and a flipped bit.

A checkpoint is a folder `step-00000120` that appears by one rename, complete or not at all:

1. its files are written into `.tmp-<step>-<pid>` and synced, the manifest with the SHA-256 of each
   last; the folder is synced, renamed, and its parent synced. Only then is it announced.
2. old ones are removed after that: renamed to `.del-*` first, so that half of one is never found.
3. the newest one whose manifest verifies is loaded; damaged ones are set aside, never loaded.

Nothing here knows torch, and nothing is pickled.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.durable import put_back, replace_folder, sync_folder, write_synced
from core.errors import UserError

SCHEMA = 1
MANIFEST = "manifest.json"
_NAME = re.compile(r"step-\d{8,}")
_HEADROOM = 2  # times the size of a checkpoint that must be free before one is begun


class CheckpointNotSaved(UserError):
    """The disk did not take a checkpoint; the ones before are untouched, so the run can pause."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose every file matches its manifest."""

    path: Path
    manifest: dict[str, Any]

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        return int(self.manifest["step"])

    @property
    def size_bytes(self) -> int:
        """Size of its files without the manifest."""
        return sum(size for size, _ in self.manifest["files"].values())

    def read(self, name: str) -> bytes:
        """Return the content of one file."""
        return (self.path / name).read_bytes()


def checkpoint_name(step: int) -> str:
    """Return step-00000120 for 120."""
    return f"step-{step:08d}"


def verify(path: Path) -> Checkpoint:
    """Return the checkpoint in `path` after comparing every byte with its manifest.

    Raises:
        ValueError: Something is missing, cut or changed; the message says what.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        stated = manifest.pop("sha256")
        if (
            stated != _digest(_canonical(manifest))
            or checkpoint_name(manifest["step"]) != path.name
        ):
            raise ValueError(f"{MANIFEST} was changed")
        for name, (size, digest) in manifest["files"].items():
            if (path / name).stat().st_size != size:
                raise ValueError(f"{name} has the wrong size")
            if _digest((path / name).read_bytes()) != digest:
                raise ValueError(f"{name} was changed")
    except (OSError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name} is incomplete: {error}") from None
    return Checkpoint(path, manifest)


class CheckpointStore:
    """The checkpoints of one run.

    Args:
        folder: Where they are; must exist.
        keep: How many of the newest stay, beside the best.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder = folder
        self._keep = keep

    def save(
        self, step: int, files: Mapping[str, Callable[[], bytes]], notes: Mapping[str, Any]
    ) -> Checkpoint:
        """Commit one checkpoint; when this returns, it may be announced.

        Args:
            step: Optimizer steps done.
            files: Name and content of each file; made one at a time, to hold only one in memory.
            notes: More keys for the manifest, such as the fingerprint of the base.

        Raises:
            CheckpointNotSaved: The disk is full or refuses; nothing that was there has changed.
        """
        unfinished = self._folder / f".tmp-{step}-{os.getpid()}"
        try:
            manifest = _write_files(unfinished, {"schema": SCHEMA, "step": step, **notes}, files)
            target = self._folder / checkpoint_name(step)
            replace_folder(unfinished, target)  # there may be one of the same step
        except OSError as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise _not_saved(step, error) from error
        return Checkpoint(target, manifest)

    def require_space(self, size_bytes: int) -> None:
        """Look for free space before a checkpoint of `size_bytes` is begun.

        Raises:
            CheckpointNotSaved: There is less than twice that.
        """
        try:
            free = shutil.disk_usage(self._folder).free
        except OSError as error:
            raise CheckpointNotSaved(
                f"The run folder cannot be reached: {error.strerror or error}.",
                "The checkpoints in it are untouched. Bring the drive back, then resume the run.",
            ) from error
        if free < _HEADROOM * size_bytes:
            raise CheckpointNotSaved(
                f"Only {free / 1e6:.0f} MB are free, and a checkpoint needs "
                f"{_HEADROOM * size_bytes / 1e6:.0f} MB.",
                "Free some space on this disk, then resume the run.",
            )

    def prune(self, best: int) -> None:
        """Remove all but the newest ones and the one of step `best`."""
        names = sorted(path.name for path in self._paths())
        for name in names[: -self._keep]:
            if name != checkpoint_name(best):
                self._remove(self._folder / name)

    def newest(self) -> tuple[Checkpoint | None, list[str]]:
        """Return the newest checkpoint that verifies, and what was wrong with newer ones.

        Damaged ones are renamed to damaged-…, out of the way of those that will follow.
        """
        problems: list[str] = []
        for path in sorted(self._paths(), reverse=True):
            try:
                return verify(path), problems
            except ValueError as error:
                problems.append(f"{path.name}: {error}")
                aside = path.with_name(f"damaged-{path.name}")
                shutil.rmtree(aside, ignore_errors=True)
                path.rename(aside)
        return None, problems

    def find(self, step: int) -> Checkpoint | None:
        """Return the checkpoint of `step` if it is there and verifies."""
        try:
            return verify(self._folder / checkpoint_name(step))
        except ValueError:
            return None

    def _paths(self) -> list[Path]:
        return [path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]

    def _remove(self, path: Path) -> None:
        doomed = path.with_name(f".del-{path.name}-{os.getpid()}")
        shutil.rmtree(doomed, ignore_errors=True)
        path.rename(doomed)
        shutil.rmtree(doomed)


def sweep(folder: Path) -> None:
    """Clear away what a killed process left in `folder`; only its live owner may call this."""
    put_back(folder)
    for leftover in (*folder.glob(".tmp-*"), *folder.glob(".del-*")):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _write_files(
    folder: Path, manifest: dict[str, Any], files: Mapping[str, Callable[[], bytes]]
) -> dict[str, Any]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    written: dict[str, tuple[int, str]] = {}
    for name, content in files.items():
        data = content()
        write_synced(folder / name, data)
        written[name] = (len(data), _digest(data))
    manifest = {**manifest, "files": written}
    signed = {**manifest, "sha256": _digest(_canonical(manifest))}
    write_synced(folder / MANIFEST, json.dumps(signed, indent=1).encode())
    sync_folder(folder)
    return manifest


def _canonical(manifest: Mapping[str, Any]) -> bytes:
    return json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _not_saved(step: int, error: OSError) -> CheckpointNotSaved:
    return CheckpointNotSaved(
        f"The checkpoint of step {step} could not be written: {error.strerror or error}.",
        "The checkpoints before it are safe. Free some space on this disk, then resume the run.",
    )
