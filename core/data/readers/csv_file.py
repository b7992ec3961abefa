"""CSV and TSV with a header, in the dialects that programs write."""

import csv
from collections.abc import Iterator
from itertools import chain, dropwhile
from pathlib import Path
from typing import ClassVar

from core.data.readers.base import READERS, Record, broken
from core.data.readers.csv_dialect import check_header, recognise, said_separator
from core.data.readers.lines import LONGEST_ROW, lines_of

SAMPLE = 1 << 16
"""Characters from the beginning of a file by which its dialect is recognised."""


@READERS.register("csv")
class CsvFile:
    """CSV and TSV."""

    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv")
    is_text: ClassVar[bool] = True

    @staticmethod
    def read(path: Path) -> Iterator[Record]:
        """Yield one record per row below the header."""
        rows = _rows(path)
        place, names = next(rows, ("", [""]))
        columns = check_header(names, path, place)
        for place, cells in rows:
            if len(cells) != len(columns):
                reason = f"{len(cells)} cells, but the header names {len(columns)} columns"
                hint = "Put text that contains the separator or a line break in quotes."
                raise broken(path, place, reason, hint)
            yield Record(place, dict(zip(columns, cells, strict=True)))


def _rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield place and cells of every row that is not empty, the header first."""
    lines = lines_of(path)
    first = next(lines, "")
    said = said_separator(first)
    skipped = 1 if said else 0
    head = _head(lines if said else chain((first,), lines))
    sample = list(dropwhile(str.isspace, head))
    if not any(sample):
        return
    rest = next(lines, "")
    dialect = recognise(sample, whole=not rest, said=said, path=path)
    csv.field_size_limit(LONGEST_ROW)
    reader = dialect.reader(chain(head, (rest,) if rest else (), lines))
    first_line = skipped + 1
    try:
        for cells in reader:
            if cells:
                yield f"line {first_line}", cells
            first_line = skipped + reader.line_num + 1
    except csv.Error as error:
        said = str(error).replace("'\t'", "a tab")
        if "field limit" in said:
            said = f"a cell longer than {LONGEST_ROW:,} characters"
        reason = f"not valid CSV ({said})"
        hint = "Close every quotation mark, and double those inside a cell."
        raise broken(path, f"line {first_line}", reason, hint) from None


def _head(lines: Iterator[str]) -> list[str]:
    """Return as many lines as there are to recognise a dialect by."""
    head: list[str] = []
    length = 0
    for line in lines:
        head.append(line)
        length += len(line)
        if length > SAMPLE:
            break
    return head
