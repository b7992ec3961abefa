"""Rows of Arrow tables, as Arrow and Parquet files give them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.data.readers.base import Record, broken, first_twice
from core.errors import UserError

BATCH_ROWS, FEW_ROWS = 1024, 8
_REPEATING = re.compile("dictionary<|run_end_encoded<")
"""Types that hold a value once for many rows, so that their size says nothing."""
LARGEST_BATCH = 16 << 20
"""Bytes that become Python objects at a time, and of a row at most."""
_DAMAGED = "Copy or download the file again."


def check_columns(names: list[str], path: Path) -> None:
    """Refuse columns of the same name, of which a row would keep one.

    Raises:
        UserError: There are two.
    """
    twice = first_twice(names)
    if twice is not None:
        reason = f"two columns are called {twice!r:.60}"
        raise broken(path, "row 0", reason, "Give every column a name of its own.")


def records_of(batch: Any, first: int, path: Path) -> Iterator[Record]:
    """Yield the rows of a record batch, the first of which is row `first` of the file.

    Raises:
        UserError: A row is too large, or a value is damaged; the message names row and column.
    """
    _validate(batch, first, path)
    step = FEW_ROWS if _REPEATING.search(str(batch.schema)) else BATCH_ROWS
    for start in range(0, batch.num_rows, step):
        yield from _records(batch.slice(start, step), first + start, path)


def unreadable(path: Path, kind: str, row: int, error: Exception) -> UserError:
    """Return the error for a file that cannot be read from row `row` on."""
    if isinstance(error, OSError) and error.errno is not None:
        raise error  # the disk, not the content
    place = f"after row {row}" if row else "at its beginning"
    refusal = broken(path, place, f"not a readable {kind} file", _DAMAGED)
    refusal.details = str(error)
    return refusal


def place_of(row: int) -> str:
    """Return the name of a row for messages."""
    return f"row {row} (counted from 0)"


def _records(batch: Any, first: int, path: Path) -> Iterator[Record]:
    if batch.nbytes <= LARGEST_BATCH:
        for number, values in enumerate(_values(batch, first, path), start=first):
            yield Record(place_of(number), values)
    elif batch.num_rows > 1:
        half = batch.num_rows // 2
        yield from _records(batch.slice(0, half), first, path)
        yield from _records(batch.slice(half), first + half, path)
    else:
        reason = f"the row is larger than {LARGEST_BATCH >> 20} MiB"
        raise broken(path, place_of(first), reason, "Leave it out, or divide it.")


def _validate(batch: Any, first: int, path: Path) -> None:
    """Refuse lengths that lead out of the file, and text that is none.

    Raises:
        UserError: There are such; the message names the column.
    """
    from pyarrow import ArrowException

    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            column.validate(full=True)
        except ArrowException as error:
            place = f"rows {first} to {first + batch.num_rows - 1}, column {name!r:.60}"
            refusal = broken(path, place, "the values are damaged", _DAMAGED)
            refusal.details = str(error)
            raise refusal from None


def _values(batch: Any, first: int, path: Path) -> list[dict[str, Any]]:
    """Return the rows as Python has them; some dates, for one, it has not."""
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except (ValueError, ArithmeticError, TypeError, NotImplementedError) as error:
        raise _unknown_value(batch, first, path) or error from None
    return rows


def _unknown_value(batch: Any, first: int, path: Path) -> UserError | None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        for row, value in enumerate(column, start=first):
            try:
                value.as_py()
            except (ValueError, ArithmeticError, TypeError, NotImplementedError) as error:
                place = f"{place_of(row)}, column {name!r:.60}"
                return broken(path, place, f"cannot be read ({error})", "Write it as text.")
    return None
