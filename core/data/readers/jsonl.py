"""JSON Lines: one object per line; empty lines are skipped."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from core.data.readers.base import READERS, Record, as_record, broken
from core.data.readers.json_text import parse_json
from core.data.readers.lines import lines_of


@READERS.register("jsonl")
class JsonLines:
    """JSON Lines."""

    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson")
    is_text: ClassVar[bool] = True

    @staticmethod
    def read(path: Path) -> Iterator[Record]:
        """Yield one record per line."""
        begun = False
        for number, line in enumerate(lines_of(path), start=1):
            text = line.rstrip("\r\n")  # or JSON that breaks off would be reported a line late
            if text.strip():
                if not begun and text.lstrip().startswith("["):
                    reason = "this is a JSON list, not one object per line"
                    raise broken(path, f"line {number}", reason, "Let its name end in .json.")
                begun = True
                yield as_record(parse_json(text, path, number), path, f"line {number}")
