"""A table of measured runs: one row, one run or one boundary where memory ran out."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import UserError

_WHOLE = re.compile(r"^\d+(\.0*)?$")
_NEEDED = ("model", "method", "micro_batch", "seq_len", "hidden_size", "num_hidden_layers")


class Missing(Exception):
    """A row does not state what its prediction needs."""


@dataclass(frozen=True)
class Row:
    """One row; a cell that is empty is not stated.

    Attributes:
        cells: Texts by column.
    """

    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """Return a cell, "" where it is not stated."""
        return (self.cells.get(column) or "").strip()

    def has(self, column: str, *words: str) -> bool:
        """Tell whether a cell holds one of these words, whatever the case."""
        text = self.text(column).lower()
        return any(word in text for word in words)

    def number(self, column: str, default: int | None = None) -> int:
        """Return a whole number of at least 1.

        Raises:
            Missing: It is not stated and there is no default, or it is no such number.
        """
        text = self.text(column)
        if not text and default is not None:
            return default
        if not _WHOLE.match(text) or int(float(text)) < 1:
            raise Missing(f"{column} is {text!r}" if text else f"{column} is not stated")
        return int(float(text))

    def is_true(self, column: str) -> bool:
        """Tell whether a cell says True."""
        return self.text(column).lower() == "true"


def read_rows(path: Path) -> list[Row]:
    """Read a table of comma-separated values with a header.

    Raises:
        UserError: It cannot be read, or lacks the columns of such a table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            missing = [column for column in _NEEDED if column not in columns]
            if missing:
                raise UserError(
                    f"{path.name} has no column {missing[0]!r}.",
                    "It must be a table of measured runs with a header.",
                )
            return [Row(cells) for cells in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read: {error}.", "Choose a CSV file.") from None
