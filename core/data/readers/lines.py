"""Text files line by line: how they are encoded, what is no text, and how long a line may be."""

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path

from core.data.readers.base import broken
from core.data.readers.packed import BrokenArchive, opened
from core.errors import UserError

LONGEST_ROW = 8 << 20
"""Characters: some two million tokens, or 200 MB of Python objects where they are brackets."""
MOST_BLANK = 1_000_000
"""Blank characters on end after which there is nothing more to come."""

_MARKS = (  # UTF-32 before UTF-16, whose mark is the beginning of it
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHER_CONTENT = {
    b"PAR1": ("a Parquet file", "Let its name end in .parquet."),
    b"ARROW1": ("an Arrow file", "Let its name end in .arrow."),
    b"PK\x03\x04": ("a ZIP or Excel file", "Unpack it, or save the table as CSV."),
    b"\x1f\x8b": ("packed twice", "Unpack it once."),
    b"\x28\xb5\x2f\xfd": ("packed twice", "Unpack it once."),
    b"BZh91AY&SY": ("a bzip2 file", "Unpack it, or pack it with gzip."),
    b"\xfd7zXZ": ("an xz file", "Unpack it, or pack it with gzip."),
    b"version https://git-lfs": ("only a pointer of Git LFS", "Fetch it with `git lfs pull`."),
    b"%PDF-": ("a PDF file", "Save its text as a text file."),
    b"SQLite format 3": ("an SQLite database", "Export its table as CSV."),
}
"""How files begin that are something else than their name says."""
_ESCAPED = {"surrogateescape": re.compile("[\udc80-\udcff]"), "replace": re.compile("�")}
"""What decoders put in the place of bytes that are no text."""

_Piece = tuple[int, int, str]
"""The line it stands on, how many characters stand before it there, and the text."""


def lines_of(path: Path) -> Iterator[str]:
    r"""Yield the lines with their line ends (\n, \r\n or \r), decoded.

    UTF-8 with or without its mark, and UTF-16 and UTF-32; packed files are unpacked.

    Raises:
        UserError: It is not text, a line is too long, or the packing is damaged; the message
            names the line.
    """
    for number, _, line in _decoded(path, LONGEST_ROW):
        if len(line) == LONGEST_ROW:
            reason = f"the line is longer than {LONGEST_ROW:,} characters"
            raise broken(path, f"line {number}", reason, "Put every row on a line of its own.")
        yield line


def pieces_of(path: Path, longest: int = 1 << 16) -> Iterator[str]:
    """Yield lines, and parts of lines that are longer than that.

    Raises:
        UserError: As of `lines_of`, whatever the length of a line.
    """
    return (text for _, _, text in _decoded(path, longest))


def _decoded(path: Path, longest: int) -> Iterator[_Piece]:
    try:
        yield from _pieces(path, longest, "strict")
    except UnicodeDecodeError as error:
        raise _undecodable(path, error) from None


def _pieces(path: Path, longest: int, errors: str) -> Iterator[_Piece]:
    number, before, blank = 1, 0, 0
    try:
        with opened(path) as file:
            text = io.TextIOWrapper(file, _encoding(path, file.peek(64)), errors, newline="")
            while piece := text.readline(longest):
                if "\0" in piece:
                    place = f"line {number}, character {before + piece.index(chr(0)) + 1}"
                    reason = "a NUL, which no text holds"
                    raise broken(path, place, reason, "Save the file as text again.")
                blank = blank + len(piece) if piece.isspace() else 0
                if blank > MOST_BLANK:
                    reason = f"more than {MOST_BLANK:,} blank characters on end"
                    raise broken(path, f"line {number}", reason, "Remove the empty lines.")
                yield number, before, piece
                ended = piece[-1] in "\r\n"
                number, before = number + ended, 0 if ended else before + len(piece)
    except BrokenArchive as error:
        hint = "Download or pack the file again."
        raise broken(path, f"line {number}", str(error), hint) from None


def _encoding(path: Path, start: bytes) -> str:
    """Tell from its first bytes how a text is encoded.

    Raises:
        UserError: It is no text.
    """
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    for beginning, (what, hint) in _OTHER_CONTENT.items():
        if start.startswith(beginning):
            raise broken(path, "line 1", f"this is {what}", hint)
    zeros = [byte == 0 for byte in start[:4]]
    if zeros == [False, True, False, True]:  # Latin letters in UTF-16 that forgot its mark
        return "utf-16-le"
    if zeros == [True, False, True, False]:
        return "utf-16-be"
    return "utf-8"


def _undecodable(path: Path, error: UnicodeDecodeError) -> UserError:
    """Return the error with the place of the first byte that is no text.

    Decoding goes ahead of the lines, so the place is looked for in a second reading.
    """
    name = error.encoding.upper()[:6].rstrip("-")  # without the order of bytes
    errors = "surrogateescape" if name == "UTF-8" else "replace"
    hint = 'Save the file as UTF-8; in Excel that is "CSV UTF-8".'
    for number, before, piece in _pieces(path, LONGEST_ROW, errors):
        found = None if piece.isascii() else _ESCAPED[errors].search(piece)
        if found:
            place = f"line {number}, character {before + found.start() + 1}"
            return broken(path, place, f"not {name} text{_meant(found[0])}", hint)
    return broken(path, "at its end", f"not {name} text", hint)


def _meant(character: str) -> str:
    """Tell what an escaped byte would be in the other encoding that files have."""
    byte = bytes([ord(character) & 0xFF])
    letter = byte.decode("cp1252", "replace")
    if character == "�" or letter == "�":
        return ""
    return f" (the byte {byte.hex().upper()} is {letter!r} in Windows-1252)"
