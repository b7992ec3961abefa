"""JSON: a list of objects, an object that holds one under "data" or "rows", or JSON Lines."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from core.data.readers.base import READERS, Record, as_record, broken, lines_of, parse_json
from core.data.readers.jsonl import JsonLines
from core.errors import UserError

ROW_KEYS = ("data", "rows")


@READERS.register("json")
class JsonFile:
    """JSON."""

    suffixes: ClassVar[tuple[str, ...]] = (".json",)

    @staticmethod
    def read(path: Path) -> Iterator[Record]:
        """Yield the objects of the list; many .json files are JSON Lines in truth."""
        text = "".join(lines_of(path))
        if _is_json_lines(text, path):
            yield from JsonLines.read(path)
            return
        for index, row in enumerate(_rows(parse_json(text, path), path)):
            yield as_record(row, path, f"row {index} (counted from 0)")


def _is_json_lines(text: str, path: Path) -> bool:
    """Tell whether the first of several lines is a complete object by itself."""
    first, _, rest = text.strip().partition("\n")
    if not first.startswith("{") or not rest.strip():
        return False
    try:
        return isinstance(parse_json(first, path), dict)
    except UserError:
        return False


def _rows(content: Any, path: Path) -> list[Any]:
    if isinstance(content, list):
        return content
    for key in ROW_KEYS:
        if isinstance(content, dict) and isinstance(content.get(key), list):
            rows: list[Any] = content[key]
            return rows
    hint = 'Write [{"prompt": "…", "response": "…"}, …], or the same list under "data" or "rows".'
    raise broken(path, "line 1", "there is no list of rows in this file", hint)
