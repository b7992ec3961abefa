"""Hears every change that Python code makes to the disk: for deaths, full disks and lost power."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Operation:
    """One change to the disk.

    Attributes:
        kind: open, write, fsync, rename, unlink, rmdir or mkdir.
        path: What it is done to; of a rename the old name.
        target: Of a rename the new name.
        data: Of a write the bytes.
    """

    kind: str
    path: Path
    target: Path | None = None
    data: bytes = b""


Hear = Callable[[Operation, Callable[[], Any]], Any]
"""Gets an operation and a function that does it; returns what that returned."""


@contextmanager
def heard(hear: Hear) -> Iterator[None]:
    """Let `hear` do all operations of this process; files are written without a buffer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", _opener(hear, Path.open))
        for kind in ("unlink", "rmdir", "mkdir"):
            patch.setattr(os, kind, _on_path(hear, kind, getattr(os, kind)))
        for name in ("rename", "replace"):
            patch.setattr(os, name, _rename(hear, getattr(os, name)))
        patch.setattr(os, "fsync", _fsync(hear, os.fsync))
        yield


class _HeardFile(io.FileIO):
    """A file whose writes are heard."""

    def __init__(self, path: Path, mode: str, hear: Hear) -> None:
        super().__init__(path, mode)
        self._path, self._hear = path, hear

    def write(self, data: Any) -> int:
        operation = Operation("write", self._path, data=bytes(data))
        written = self._hear(operation, lambda: super(_HeardFile, self).write(data))
        assert written == len(data)
        return len(data)


def _opener(hear: Hear, plain: Callable[..., Any]) -> Callable[..., Any]:
    def opened(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if "w" in mode and "b" in mode:
            operation = Operation("open", path)
            return hear(operation, lambda: _HeardFile(path, mode.replace("b", ""), hear))
        return plain(path, mode, *arguments, **options)

    return opened


def _on_path(hear: Hear, kind: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(path: Any, *arguments: Any, **options: Any) -> Any:
        folder = options.get("dir_fd")
        whole = Path(path) if folder is None else _path_of(folder) / path
        return hear(Operation(kind, whole), lambda: plain(path, *arguments, **options))

    return call


def _rename(hear: Hear, plain: Callable[..., Any]) -> Callable[..., Any]:
    def call(path: Any, target: Any) -> Any:
        operation = Operation("rename", Path(path), Path(target))
        return hear(operation, lambda: plain(path, target))

    return call


def _fsync(hear: Hear, plain: Callable[[int], None]) -> Callable[[int], Any]:
    def call(descriptor: int) -> Any:
        return hear(Operation("fsync", _path_of(descriptor)), lambda: plain(descriptor))

    return call


def _path_of(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()


class Death:
    """Ends the process at the n-th point: before, in the middle of, or after an operation.

    A write has three points and any other operation two.
    """

    def __init__(self, at: int) -> None:
        self._left = at

    def __call__(self, operation: Operation, do: Callable[[], Any]) -> Any:
        self._point()
        if operation.kind == "write" and self._left == 0:
            with io.FileIO(operation.path, "a") as file:
                file.write(operation.data[: len(operation.data) // 2])
        if operation.kind == "write":
            self._point()
        result = do()
        self._point()
        return result

    def _point(self) -> None:
        if self._left == 0:
            os._exit(DIED)
        self._left -= 1


DIED = 77
