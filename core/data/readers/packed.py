"""Files that gzip or zstd made smaller, unpacked while they are read.

What a file is made with is told by its first bytes, not by its name: browsers unpack downloads and
leave the name as it was.
"""

import gzip
import io
import zlib
from pathlib import Path
from typing import Any, Protocol

ENDINGS = (".gz", ".zst")
"""What comes after the ending of the format, as in `rows.jsonl.gz`."""

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
LARGEST_RATIO = 200
"""Text comes out 3 to 50 times larger; a file made to fill a disk, a thousand times and more."""
ALWAYS_ALLOWED = 16 << 20
"""Bytes that any packed file may hold, so that small files of equal rows are read."""


class BrokenArchive(Exception):
    """What is packed cannot be unpacked from here on; the text is the reason, for a message."""


def opened(path: Path) -> io.BufferedReader:
    """Open a file for reading, unpacked. What is read from it may raise `BrokenArchive`.

    Raises:
        OSError: The system refuses the file.
    """
    file = path.open("rb")
    start = file.peek(len(ZSTD))
    if start.startswith(GZIP):
        return io.BufferedReader(_Unpacked(file, gzip.GzipFile(fileobj=file)))
    if start.startswith(ZSTD):
        import pyarrow

        stream = pyarrow.CompressedInputStream(pyarrow.PythonFile(file, "r"), "zstd")
        return io.BufferedReader(_Unpacked(file, stream))
    return file


def without_ending(path: Path) -> Path:
    """Return the path without .gz or .zst, as in `rows.jsonl`."""
    return path.with_suffix("") if path.suffix.lower() in ENDINGS else path


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Unpacked(io.RawIOBase):
    """Counts what comes out, and speaks of what goes wrong in one way."""

    def __init__(self, file: io.BufferedReader, stream: _Stream) -> None:
        self._file = file
        self._stream = stream
        self._bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        self._bytes += len(data)
        if self._bytes > max(ALWAYS_ALLOWED, LARGEST_RATIO * self._file.tell()):
            raise BrokenArchive(f"it unpacks to more than {LARGEST_RATIO} times its size")
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except EOFError:
            raise BrokenArchive("the packed file breaks off") from None
        except (OSError, zlib.error) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk, not the content
            cut = "Truncated" in str(error)
            reason = "the packed file breaks off" if cut else "the packed file is damaged"
            raise BrokenArchive(reason) from None
