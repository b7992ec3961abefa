"""Rows as tokens in Arrow columns, and the examples that are cut from them when asked for.

A token is 4 bytes in a column and 44 in Python (an int, its place in `ids` and in `trained`), and a
column can be looked at where it lies: in memory, or in a file that is mapped into it.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np
import pyarrow as pa

from core.data.encode import Encoded, Example

_NUMBERS = pa.large_list(pa.field("item", pa.int32(), nullable=False))
SCHEMA = pa.schema(
    [
        pa.field("ids", _NUMBERS, nullable=False),
        pa.field("trained", _NUMBERS, nullable=False),
        pa.field("ends", _NUMBERS, nullable=False),
        pa.field("answers", pa.int32(), nullable=False),
        pa.field("unlocated", pa.int32(), nullable=False),
    ]
)
"""The fields of `Encoded`, a row each. `trained` holds where each stretch of trained tokens begins,
and where it is over: two numbers for most rows, instead of one per token."""


NOWHERE = int(np.iinfo(np.int32).max)
"""Beyond every row: the maximal length that cuts none."""


class Lists:
    """Lists of numbers, end to end.

    Attributes:
        values: All numbers, (N,) int32.
        starts: Where each list begins in them, and N, (rows + 1,) int64.
    """

    def __init__(self, column: Any) -> None:
        self.values: np.ndarray = column.values.to_numpy()
        self.starts: np.ndarray = column.offsets.to_numpy()

    def __getitem__(self, row: int) -> tuple[int, ...]:
        return tuple(self.values[self.starts[row] : self.starts[row + 1]].tolist())

    def sums(self, numbers: np.ndarray) -> np.ndarray:
        """Return the sum per row of `numbers`, of which there is one per value."""
        return np.diff(np.concatenate(([0], np.cumsum(numbers, dtype=np.int64)))[self.starts])


class TokenRows:
    """All rows of a table as tokens, uncut.

    Attributes:
        batch: The columns of `SCHEMA`.
        ids, ends: What `Encoded` calls so.
        lengths: Tokens of each row, (rows,) int64.
        answers, unlocated: Their number in each row, (rows,) int32.
        stretches: Where each stretch of trained tokens begins, and where it is over, in turn.
    """

    def __init__(self, batch: Any) -> None:
        self.batch = batch
        self.ids = Lists(batch.column("ids"))
        self.ends = Lists(batch.column("ends"))
        self.lengths = np.diff(self.ids.starts)
        self.answers: np.ndarray = batch.column("answers").to_numpy()
        self.unlocated: np.ndarray = batch.column("unlocated").to_numpy()
        self.stretches = Lists(batch.column("trained"))

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    def __getitem__(self, row: int) -> Encoded:
        ids = self.ids[row]
        return Encoded(
            ids=ids,
            trained=_mask(self.stretches[row], len(ids)),
            ends=self.ends[row],
            answers=int(self.answers[row]),
            unlocated=int(self.unlocated[row]),
        )

    def numbers(self) -> Iterator[np.ndarray]:
        """Yield all that the columns hold."""
        for lists in (self.ids, self.stretches, self.ends):
            yield from (lists.starts, lists.values)
        yield from (self.answers, self.unlocated)

    @cached_property
    def firsts(self) -> np.ndarray:
        """The place of the first trained token of each row, beyond all where there is none."""
        starts, borders = self.stretches.starts, self.stretches.values
        firsts = np.full(len(self), NOWHERE, np.int64)
        some = np.diff(starts) > 0
        firsts[some] = borders[starts[:-1][some]]
        return firsts

    def trained_lengths(self, max_length: int = NOWHERE) -> np.ndarray:
        """Return the trained tokens among the first `max_length` of each row, (rows,) int64."""
        cut = np.minimum(self.stretches.values, max_length)
        signs = np.tile(np.array([-1, 1]), len(cut) // 2)
        return self.stretches.sums(cut * signs)

    def cut_to(self, max_length: int, rows: Sequence[int]) -> "Examples":
        """Return the chosen rows, cut, without those that have no trained token left."""
        chosen = np.asarray(rows, dtype=np.int64)
        trained = self.trained_lengths(max_length)[chosen]
        return Examples(self, max_length, chosen[trained > 0])


class Examples(Sequence[Example]):
    """Some rows cut at a length; an example is made each time it is asked for.

    Attributes:
        max_length: Where rows are cut.
        rows: Their indices in the table, (n,) int64.
    """

    def __init__(self, tokens: TokenRows, max_length: int, rows: np.ndarray) -> None:
        self._tokens = tokens
        self.max_length = max_length
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> "Examples": ...
    def __getitem__(self, index: int | slice) -> "Example | Examples":
        if isinstance(index, slice):
            return Examples(self._tokens, self.max_length, self.rows[index])
        row = int(self.rows[index])
        return self._tokens[row].cut_to(self.max_length, row)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row that are left."""
        kept = np.minimum(self._tokens.lengths[self.rows], self.max_length)
        lengths: list[int] = kept.tolist()
        return lengths

    @property
    def trained_lengths(self) -> list[int]:
        """Trained tokens of each row that are left."""
        lengths: list[int] = self._tokens.trained_lengths(self.max_length)[self.rows].tolist()
        return lengths


def lengths_of(rows: Sequence[Example]) -> list[int]:
    """Return the tokens of each row, without making an example of each where that can be spared."""
    return rows.lengths if isinstance(rows, Examples) else [len(row.ids) for row in rows]


def trained_lengths_of(rows: Sequence[Example]) -> list[int]:
    """Return the trained tokens of each row, likewise."""
    if isinstance(rows, Examples):
        return rows.trained_lengths
    return [row.trained_tokens for row in rows]


class TokenRowsBuilder:
    """Gathers rows that come some at a time."""

    def __init__(self) -> None:
        self._ids, self.stretches, self._ends = _Growing(), _Growing(), _Growing()
        self._answers, self._unlocated = array("i"), array("i")

    def __len__(self) -> int:
        return len(self._answers)

    def add(self, rows: Iterable[Encoded]) -> None:
        """Take these rows as the next ones."""
        for row in rows:
            self._ids.append(row.ids)
            self.stretches.append(_stretches(row.trained))
            self._ends.append(row.ends)
            self._answers.append(row.answers)
            self._unlocated.append(row.unlocated)

    def build(self) -> TokenRows:
        """Return the rows; nothing is copied, and nothing can be added any more."""
        lists = [part.column() for part in (self._ids, self.stretches, self._ends)]
        counts = [_numbers(part, pa.int32()) for part in (self._answers, self._unlocated)]
        return TokenRows(pa.RecordBatch.from_arrays([*lists, *counts], schema=SCHEMA))


class _Growing:
    """Lists of numbers, end to end, as `Lists` reads them."""

    def __init__(self) -> None:
        self._values = array("i")
        self._starts = array("q", [0])

    def append(self, numbers: Iterable[int]) -> None:
        self._values.extend(numbers)
        self._starts.append(len(self._values))

    def column(self) -> Any:
        starts, values = _numbers(self._starts, pa.int64()), _numbers(self._values, pa.int32())
        return pa.LargeListArray.from_arrays(starts, values, type=_NUMBERS)


def _numbers(values: "array[int]", kind: Any) -> Any:
    """Return the numbers as an Arrow array, where they lie."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _stretches(trained: Sequence[bool]) -> list[int]:
    """Return where each stretch of trained tokens begins, and the place behind its end."""
    mask = bytes(trained)
    found: list[int] = []
    end = 0
    while (start := mask.find(1, end)) >= 0:
        end = mask.find(0, start)
        end = len(mask) if end < 0 else end
        found += (start, end)
    return found


def _mask(stretches: Sequence[int], length: int) -> tuple[bool, ...]:
    """Undo `_stretches` for a row of `length` tokens."""
    mask: list[bool] = []
    for i, place in enumerate((*stretches, length)):
        mask += [i % 2 == 1] * (place - len(mask))
    return tuple(mask)
