"""Conversations one after the other in a file, so that a data set need not fit into memory.

A row is a line of JSON. Up to `SPILL` bytes of them stay in memory, more go to a temporary file
that nobody else sees and that vanishes with its last user. What is in memory for each row is where
it begins: 8 bytes, against about a kilobyte as Python objects.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple
from tempfile import SpooledTemporaryFile
from typing import overload
from weakref import finalize

from core.data.table import Conversation, Message
from core.errors import UserError

SPILL = 64 << 20
"""Bytes of rows that stay in memory."""


class StoredRows(Sequence[Conversation]):
    """Rows that can be appended and looked at, in any order; equal rows have equal bytes."""

    def __init__(self, rows: Iterable[Conversation] = ()) -> None:
        self._file = SpooledTemporaryFile(SPILL, prefix="rankscope-rows-")  # noqa: SIM115 - kept
        finalize(self, self._file.close)
        self._ends = array("q", [0])
        self.extend(rows)

    def __eq__(self, other: object) -> bool:
        """Compare row by row, with whatever holds rows."""
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(one == another for one, another in zip(self, other, strict=True))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def extend(self, rows: Iterable[Conversation]) -> None:
        """Append rows.

        Raises:
            UserError: The disk with the temporary files is full.
        """
        self._file.seek(self._ends[-1])
        for row in rows:
            line = json.dumps([astuple(message) for message in row], ensure_ascii=False).encode()
            self._write(line)
            self._ends.append(self._ends[-1] + len(line))
        self._write(b"", flush=True)  # or the next look at a row would find the disk full

    @overload
    def __getitem__(self, place: int) -> Conversation: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Conversation]: ...

    def __getitem__(self, place: int | slice) -> Conversation | Sequence[Conversation]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        return _conversation(self._line(range(len(self))[place]))

    def __iter__(self) -> Iterator[Conversation]:
        return map(_conversation, self.lines())

    def lines(self, start: int = 0) -> Iterator[bytes]:
        """Yield the rows from `start` on as they are stored, for hashing and comparing."""
        return (self._line(i) for i in range(start, len(self)))

    def _write(self, line: bytes, *, flush: bool = False) -> None:
        try:
            self._file.write(line)
            if flush:
                self._file.flush()
        except OSError as error:
            raise UserError(
                f"There is no room for the rows among the temporary files: {error.strerror}.",
                "Make room, or set TMPDIR to a folder on another disk.",
            ) from None

    def _line(self, row: int) -> bytes:
        self._file.seek(self._ends[row])
        return self._file.read(self._ends[row + 1] - self._ends[row])


def _conversation(line: bytes) -> Conversation:
    return tuple(Message(*fields) for fields in json.loads(line))
