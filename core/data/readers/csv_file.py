"""CSV and TSV with a header; the separator is the one that the header uses most."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from core.data.readers.base import READERS, Record, broken, lines_of

SEPARATORS = ",;\t"
LONGEST_CELL = 2**27
"""Characters; the standard library refuses cells over 131,072, which an article exceeds."""


@READERS.register("csv")
class CsvFile:
    """CSV and TSV."""

    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv")

    @staticmethod
    def read(path: Path) -> Iterator[Record]:
        """Yield one record per row below the header."""
        rows = _rows(path)
        _, columns = next(rows, ("", []))
        twice = [name for name in columns if columns.count(name) > 1]
        if twice:
            reason = f"two columns are called {twice[0]!r}"
            raise broken(path, "line 1", reason, "Give every column a name of its own.")
        for place, cells in rows:
            if len(cells) != len(columns):
                reason = f"{len(cells)} cells, but the header names {len(columns)} columns"
                hint = "Put text that contains the separator or a line break in quotes."
                raise broken(path, place, reason, hint)
            yield Record(place, dict(zip(columns, cells, strict=True)))


def _rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield place and cells of every row that is not empty, the header first."""
    header = next(lines_of(path), "")
    separator = max(SEPARATORS, key=header.count)
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(lines_of(path), delimiter=separator, strict=True)
    first_line = 1
    try:
        for cells in reader:
            if cells:
                yield f"line {first_line}", cells
            first_line = reader.line_num + 1
    except csv.Error as error:
        hint = "Close every quotation mark, and double those inside a cell."
        raise broken(path, f"line {first_line}", f"not valid CSV ({error})", hint) from None
