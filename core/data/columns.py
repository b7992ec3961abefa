"""What the columns of a file hold, seen from its first rows."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from core.data.readers import Record
from core.errors import UserError

ROWS_SEEN = 100
CHARACTERS_SEEN = 2_000_000
"""Rows may be megabytes each; after so much of them the look ends."""
VALUE_COSTS = 20
"""A value counts as at least so many characters: rows may have thousands of them."""
MOST_COLUMNS = 10_000
SAMPLES, SAMPLE_LENGTH = 3, 300
CHAT_KEYS = (("role", "content"), ("from", "value"))
"""Names of speaker and words inside a chat: those of most tools, and those of ShareGPT."""


@dataclass
class Column:
    """What one column holds in the rows that were seen.

    Attributes:
        name: Its name.
        kinds: How many values are "text", "number", "flag", "chat", "sharegpt", "list", "object",
            "image" or "empty".
        samples: The first values, as short texts.
        values: Different texts and numbers, as far as they are short.
    """

    name: str
    kinds: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)
    values: set[str] = field(default_factory=set)

    @property
    def kind(self) -> str:
        """What most of its values are; "empty" if there are none."""
        filled = [(count, kind) for kind, count in self.kinds.items() if kind != "empty"]
        return max(filled)[1] if filled else "empty"

    def add(self, value: Any) -> None:
        """Take the value of a further row into account."""
        kind = kind_of_value(value)
        self.kinds[kind] += 1
        if kind != "empty" and len(self.samples) < SAMPLES:
            self.samples.append(_shown(value)[:SAMPLE_LENGTH])
        if kind in ("text", "number", "flag"):
            self.values.add(str(value)[:SAMPLE_LENGTH])


Columns = dict[str, Column]


def look_at(records: Iterable[Record]) -> Columns:
    """Return the columns of the first rows, in their order.

    A row that cannot be read ends the look, unless it is the first.

    Raises:
        UserError: The first row cannot be read, or there are too many columns.
    """
    columns: Columns = {}
    for record in _first(records):
        if len(columns) + len(record.values) > MOST_COLUMNS:
            require_few((*columns, *record.values), record.place)
        for name, value in record.values.items():
            columns.setdefault(name, Column(name)).add(value)
    return columns


def require_few(names: Iterable[str], place: str) -> None:
    """Refuse rows that together have too many different columns.

    Raises:
        UserError: They have.
    """
    if len(set(names)) > MOST_COLUMNS:
        reason = f"more than {MOST_COLUMNS:,} different columns"
        hint = "Give all rows the same columns, named in plain text."
        raise UserError(f"{place}: {reason}.", hint)


def _first(records: Iterable[Record]) -> Iterator[Record]:
    seen, rows = 0, iter(records)
    for number in range(ROWS_SEEN):
        try:
            record = next(rows, None)
        except UserError:
            if number == 0:
                raise
            return
        if record is None or seen > CHARACTERS_SEEN:
            return
        seen += sum(_length(value) for value in record.values.values())
        yield record


def _length(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_length, value))
    if isinstance(value, dict):
        return sum(map(_length, value.values()))
    return VALUE_COSTS + (len(value) if isinstance(value, str | bytes) else 0)


def kind_of_value(value: Any) -> str:
    """Return the kind of a value, one of those in `Column.kinds`."""
    if value is None or value in ("", [], {}):
        return "empty"
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return chat_kind(turns_in(value)) or "text"
    if isinstance(value, bytes | bytearray):
        return "image"
    if isinstance(value, dict):
        return "image" if {"bytes", "path"} <= value.keys() else "object"
    return chat_kind(value) or "list"


def turns_in(value: Any) -> Any:
    """Return the turns that a cell of a table holds as JSON, any other value as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith("[{"):
        return value
    try:
        turns = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return turns if chat_kind(turns) else value


def chat_kind(value: Any) -> str:
    """Return "chat" or "sharegpt" by the keys of the first turn, "" if it is none."""
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return ""
    if {"from", "value"} <= value[0].keys():
        return "sharegpt"
    return "chat" if "role" in value[0] and value[0].keys() & {"content", "tool_calls"} else ""


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value[:SAMPLE_LENGTH]
    if chat_kind(value):
        return " … ".join(_spoken(turn) for turn in value[:6] if isinstance(turn, dict))
    return f"{value!r:.300}"


def _spoken(turn: dict[str, Any]) -> str:
    speaker = turn.get("role", turn.get("from", ""))
    words = turn.get("content", turn.get("value", ""))
    return f"{speaker}: {words}"[:SAMPLE_LENGTH]
