"""How a table is written: what separates its cells, and how cells that hold that sign are kept.

The header decides, because it is the one row whose content is known: names of columns. What could
separate it is tried on the rows below, and only what gives all of them as many cells as the header
is believed. Python's `csv.Sniffer` counts signs instead, and takes the "e" of a text for a
separator.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.data.readers.base import broken, first_twice

if TYPE_CHECKING:
    from _csv import Reader

SEPARATORS = {"\t": "a tab", ";": "';'", ",": "','", "|": "'|'"}
LONGEST_NAME = 200
_SAID = re.compile(r'"?sep=(?P<sign>.)"?\s*$', re.IGNORECASE)
_PLAIN_NAME = re.compile(r"[\w \-./()#%?&+*'’]*")
_NUMBER = re.compile(r"\s*[+-]?\d+([.,]\d+)*\s*")


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How cells are separated and quoted.

    Attributes:
        separator: Between the cells of a row.
        quote: Around cells that hold a separator or a line break, "" for nothing at all.
        escape: Before a quotation mark inside such a cell, "" where it is doubled.
        spaced: Spaces follow the separators.
    """

    separator: str
    quote: str = '"'
    escape: str = ""
    spaced: bool = False

    def reader(self, lines: Iterator[str]) -> "Reader":
        """Return a reader of the standard library."""
        return csv.reader(
            lines,
            delimiter=self.separator,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape or None,
            skipinitialspace=self.spaced,
            strict=True,
        )


def said_separator(line: str) -> str:
    """Return the separator that a first line such as "sep=;" names, as Excel writes it, else ""."""
    found = _SAID.match(line)
    return found["sign"] if found else ""


def recognise(lines: Sequence[str], *, whole: bool, said: str, path: Path) -> Dialect:
    """Return how the table that begins with these lines is written.

    Args:
        lines: The header and the rows below it.
        whole: These are all lines; otherwise the last row may be cut.
        said: The separator, where the file names it.
        path: The file, for messages; .tsv says that there are tabs.

    Raises:
        UserError: Nothing fits, or more than one thing does.
    """
    signs = [said] if said else [sign for sign in SEPARATORS if sign in lines[0]]
    if "\t" in signs and path.suffix.lower() == ".tsv":
        signs = ["\t"]
    fitting = [
        found for sign in signs if (found := _fitting(Dialect(separator=sign), lines, whole=whole))
    ]
    if len(fitting) > 1:
        clean = [found for found in fitting if all(map(_is_plain, _header(found, lines)))]
        fitting = clean or fitting
    if len(fitting) > 1:
        names = " or ".join(SEPARATORS[found.separator] for found in fitting)
        sign = next(each.separator for each in fitting if each.separator != "\t")
        hint = f'Put a line that says which before the header, such as "sep={sign}".'
        raise broken(path, "line 1", f"its cells could be separated by {names}", hint)
    if fitting:
        return fitting[0]
    # one column, or a row that does not fit, which reading will name
    return Dialect(separator=max(signs or ",", key=lines[0].count))


def check_header(names: Sequence[str], path: Path, place: str) -> list[str]:
    """Return the names of the columns, with those of nameless ones filled in.

    Raises:
        UserError: They are no names, but the first row, or a row that was not separated.
    """
    hint = "Write the names of the columns into the first line, such as prompt,response."
    if len(names) == 1 and not _is_plain(names[0]):
        reason = f"no ',', ';', tab or '|' separates the columns of {names[0]!r:.60}"
        raise broken(path, place, reason, hint)
    odd = next(filter(_is_prose, names), "")
    if not odd and _NUMBER.fullmatch(names[0]):
        odd = next((name for name in names if _NUMBER.fullmatch(name) or " " in name), "")
    if odd:
        reason = f"{odd!r:.60} looks like a row, not like the name of a column"
        raise broken(path, place, reason, hint)
    filled = [name or f"column {number}" for number, name in enumerate(names, start=1)]
    twice = first_twice(filled)
    if twice is not None:
        reason = f"two columns are called {twice!r:.60}"
        raise broken(path, place, reason, "Give every column a name of its own.")
    return filled


def _fitting(plain: Dialect, lines: Sequence[str], *, whole: bool) -> Dialect | None:
    """Return the way of quoting with which all rows have as many cells as the header."""
    plain = replace(plain, spaced=f"{plain.separator} " in lines[0])
    kinds = [plain, replace(plain, escape="\\")]
    if lines[0].lstrip().startswith("'"):
        kinds = [replace(kind, quote="'") for kind in kinds]
    if plain.separator == "\t":  # beside tabs, quotation marks are often text
        kinds.append(replace(plain, quote=""))
    best = max(kinds, key=lambda kind: _fit(kind, lines, whole=whole))
    return best if _fit(best, lines, whole=whole) else None


def _fit(dialect: Dialect, lines: Sequence[str], *, whole: bool) -> int:
    """Return 2 where all rows have as many cells as the header, 1 with an open end, else 0."""
    width = 0
    try:
        for cells in filter(None, dialect.reader(iter(lines))):
            width = width or len(cells)
            if width == 1 or len(cells) != width:
                return 0
    except csv.Error as error:
        is_open = "unexpected end of data" in str(error)
        return 1 if is_open and width and not whole else 0
    return 2


def _header(dialect: Dialect, lines: Sequence[str]) -> list[str]:
    return next(dialect.reader(iter(lines)), [])


def _is_plain(name: str) -> bool:
    return _PLAIN_NAME.fullmatch(name.strip()) is not None


def _is_prose(name: str) -> bool:
    """Tell whether a cell of the header is a sentence; names of columns may be questions."""
    ends = name.rstrip().endswith((".", "!", "。"))
    return len(name) > LONGEST_NAME or "\n" in name.strip() or (ends and name.count(" ") > 2)
