"""The contract of a reader, and what the readers of text files share."""

import codecs
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from core.errors import UserError
from core.registry import Registry


@dataclass(frozen=True)
class Record:
    """One row as the file has it.

    Attributes:
        place: Where it stands, for messages: "line 3" (from 1, as in an editor) or "row 2"
            (from 0, as in `--row`).
        values: Column name to value.
    """

    place: str
    values: dict[str, Any]


class Reader(Protocol):
    """Reads one format; a class that is never instantiated.

    Attributes:
        suffixes: Endings of file names, lower case, with the dot.
    """

    suffixes: ClassVar[tuple[str, ...]]

    @staticmethod
    def read(path: Path) -> Iterator[Record]:
        """Yield the rows one by one.

        Raises:
            UserError: The file is broken; the message names the place.
        """


READERS: Registry[type[Reader]] = Registry("data format")


def reader_for(path: Path) -> type[Reader]:
    """Return the reader for the ending of the file's name.

    Raises:
        UserError: No reader knows it.
    """
    for name in READERS:
        if path.suffix.lower() in READERS[name].suffixes:
            return READERS[name]
    known = sorted(suffix for name in READERS for suffix in READERS[name].suffixes)
    what = f"files that end in {path.suffix!r}" if path.suffix else "files without an ending"
    raise UserError(
        f"{path.name} cannot be read: {what} are not known.", f"Known: {', '.join(known)}."
    )


def broken(path: Path, place: str, reason: str, hint: str) -> UserError:
    """Return the error for a file that is broken at `place`."""
    return UserError(f"{path.name}, {place}: {reason}.", hint)


def lines_of(path: Path) -> Iterator[str]:
    """Yield the lines with their line ends, decoded: UTF-8 with or without BOM, UTF-16 with BOM.

    Raises:
        UserError: A line is neither.
    """
    with path.open("rb") as file:
        start = file.read(2)
        file.seek(0)
        if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            yield from io.StringIO(_utf16(path, file.read()))
            return
        for number, raw in enumerate(file, start=1):
            if number == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            yield _utf8(path, number, raw)


def _utf8(path: Path, number: int, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        character = len(raw[: error.start].decode()) + 1
        place = f"line {number}, character {character}"
        raise broken(path, place, "not UTF-8 text", "Save the file as UTF-8.") from None


def _utf16(path: Path, raw: bytes) -> str:
    try:
        return raw.decode("utf-16")
    except UnicodeDecodeError as error:
        place = f"byte {error.start}"
        raise broken(path, place, "not UTF-16 text", "Save the file as UTF-8.") from None


def parse_json(text: str, path: Path, first_line: int = 1) -> Any:
    """Parse `text`, which begins at `first_line` of the file.

    Raises:
        UserError: It is not JSON; the message names line and character.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {first_line + error.lineno - 1}, character {error.colno}"
        reason = f"not valid JSON ({error.msg[0].lower()}{error.msg[1:]})"
        raise broken(path, place, reason, "Mend or remove that line.") from None
    except RecursionError:
        reason = "the JSON is nested too deeply"
        raise broken(path, f"line {first_line}", reason, "A row is a flat object.") from None
    except ValueError as error:  # a number with more digits than Python converts
        raise broken(path, f"line {first_line}", str(error), "Mend that line.") from None


def as_record(value: Any, path: Path, place: str) -> Record:
    """Return a parsed row as a record.

    Raises:
        UserError: It is no object.
    """
    if not isinstance(value, dict):
        reason = f"a row must be an object with named columns, not {kind_of(value)}"
        raise broken(path, place, reason, 'Write rows as {"prompt": "…", "response": "…"}.')
    return Record(place, value)


_KINDS = {
    type(None): "nothing (null)",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}


def kind_of(value: Any) -> str:
    """Return what `value` is, in words for people."""
    return _KINDS.get(type(value), type(value).__name__)
