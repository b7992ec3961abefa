"""JSON: a list of objects, an object that holds one under "data" or "rows", or JSON Lines."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from core.data.readers.base import READERS, Record, as_record, broken
from core.data.readers.json_text import parse_json
from core.data.readers.json_window import JsonWindow
from core.data.readers.jsonl import JsonLines
from core.data.readers.lines import LONGEST_ROW, pieces_of
from core.errors import UserError

ROW_KEYS = ("data", "rows")


@READERS.register("json")
class JsonFile:
    """JSON."""

    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    is_text: ClassVar[bool] = True

    @staticmethod
    def read(path: Path) -> Iterator[Record]:
        """Yield the objects of the list; many .json files are JSON Lines in truth."""
        if _is_json_lines(path):
            yield from JsonLines.read(path)
            return
        text = JsonWindow(path)
        rows = _values(text) if text.peek() == "[" else _values_under_a_key(text, path)
        for index, row in enumerate(rows):
            yield as_record(row, path, f"row {index} (counted from 0)")
        if text.peek():
            raise text.broken("not valid JSON (there is more after its end)")


def _is_json_lines(path: Path) -> bool:
    """Tell whether the first of several lines is a complete object by itself."""
    lines = (line for line in pieces_of(path, LONGEST_ROW) if not line.isspace())
    first = next(lines, "")
    if not first.lstrip().startswith("{") or not first.rstrip().endswith("}"):
        return False
    try:
        return isinstance(parse_json(first, path), dict) and bool(next(lines, ""))
    except UserError:
        return False


def _values(text: JsonWindow) -> Iterator[object]:
    """Yield the values of the list that begins here."""
    more = text.begins("[", "]")
    while more:
        yield text.value()
        more = text.take(",]") == ","


def _values_under_a_key(text: JsonWindow, path: Path) -> Iterator[object]:
    """Yield the values of the list of rows in the object that begins here."""
    found, is_object = False, text.peek() == "{"
    if not is_object:
        text.value()  # or say that there is none
    more = is_object and text.begins("{", "}")
    while more:
        name = text.name()
        if name in ROW_KEYS and text.peek() == "[":
            if found:
                raise text.broken("a second list of rows")
            found = True
            yield from _values(text)
        else:
            text.value()
        more = text.take(",}") == ","
    if not found:
        hint = 'Write [{"prompt": "…", "response": "…"}, …], or that list under "data" or "rows".'
        raise broken(path, "line 1", "there is no list of rows in this file", hint)
