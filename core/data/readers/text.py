"""Plain text: paragraphs separated by blank lines, one row each."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from core.data.readers.base import READERS, Record, broken
from core.data.readers.lines import LONGEST_ROW, lines_of


@READERS.register("text")
class PlainText:
    """Plain text."""

    suffixes: ClassVar[tuple[str, ...]] = (".txt", ".text", ".md")
    is_text: ClassVar[bool] = True

    @staticmethod
    def read(path: Path) -> Iterator[Record]:
        """Yield one record per paragraph, with the only column "text"."""
        paragraph: list[str] = []
        first_line, length = 1, 0
        for number, line in enumerate(lines_of(path), start=1):
            if line.strip():
                first_line = first_line if paragraph else number
                paragraph.append(line.rstrip("\r\n"))
                length += len(line)
                if length > LONGEST_ROW:
                    reason = f"the paragraph is longer than {LONGEST_ROW:,} characters"
                    hint = "Put empty lines between paragraphs."
                    raise broken(path, f"line {first_line}", reason, hint)
            elif paragraph:
                yield _record(first_line, paragraph)
                paragraph, length = [], 0
        if paragraph:
            yield _record(first_line, paragraph)


def _record(first_line: int, paragraph: list[str]) -> Record:
    return Record(f"line {first_line}", {"text": "\n".join(paragraph)})
