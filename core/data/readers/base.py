"""The contract of a reader, and what the readers of text files share."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from core.data.readers.packed import ENDINGS, without_ending
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
        is_text: It reads lines of text, which may be packed.
    """

    suffixes: ClassVar[tuple[str, ...]]
    is_text: ClassVar[bool]

    @staticmethod
    def read(path: Path) -> Iterator[Record]:
        """Yield the rows one by one.

        Raises:
            UserError: The file is broken; the message names the place.
        """


_WAYS_OUT = {
    (".xlsx", ".xls", ".ods"): 'Save the table as CSV; in Excel, as "CSV UTF-8".',
    (".zip", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz"): "Unpack it, and choose what is inside.",
    (".pdf", ".docx", ".odt", ".html"): "Save its text as a text file.",
    (".pkl", ".pickle", ".pt", ".bin"): "Export it as Parquet or JSONL: a pickle can run programs.",
}
"""What to do about files that hold data in a way that is not read here."""
LONGEST_SAID = 300
"""Characters of a path in a message."""

READERS: Registry[type[Reader]] = Registry("data format")


def reader_for(path: Path) -> type[Reader]:
    """Return the reader for the ending of the file's name, as in `a.csv` or `a.csv.gz`.

    Raises:
        UserError: No reader knows it.
    """
    inner = without_ending(path)
    suffix = inner.suffix.lower()
    found = next((READERS[name] for name in READERS if suffix in READERS[name].suffixes), None)
    if found is None:
        raise _unknown(path, inner.suffix)
    if inner != path and not found.is_text:
        hint = "Unpack it: such a file is small already, and is read in parts."
        raise UserError(f"{shown(path)} cannot be read packed.", hint)
    return found


def _unknown(path: Path, suffix: str) -> UserError:
    known = sorted(suffix for name in READERS for suffix in READERS[name].suffixes)
    what = f"files that end in {suffix!r}" if suffix else "files without an ending"
    hint = f"Known: {', '.join(known)}; text also with {' or '.join(ENDINGS)} after it."
    hint = next((way for endings, way in _WAYS_OUT.items() if suffix.lower() in endings), hint)
    if path.name != path.name.rstrip(". "):
        hint = "Its name ends in a dot or a space: rename it."
    return UserError(f"{shown(path)} cannot be read: {what} are not known.", hint)


def shown(path: Path) -> str:
    """Return the name of a file for a message, with signs that nobody sees spelt out.

    A line break or a sign that turns the direction of writing would make another message of it.
    """
    return path.name if path.name.isprintable() else repr(path.name)[1:-1]


def said(path: Path) -> str:
    """Return a path for a message: on one line, with spaces at its ends to be seen."""
    text = str(path)
    if not text.isprintable() or text.strip() != text:
        text = repr(text)
    return text if len(text) <= LONGEST_SAID else f"{text[:80]} … {text[-80:]}"


def first_twice(names: Iterable[str]) -> str | None:
    """Return the first name that was there before; of a million names in a moment."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def broken(path: Path, place: str, reason: str, hint: str) -> UserError:
    """Return the error for a file that is broken at `place`."""
    return UserError(f"{shown(path)}, {place}: {reason}.", hint)


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
