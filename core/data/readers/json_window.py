"""The part of a JSON text that is being parsed, so that a long list needs little memory."""

import json
import re
from pathlib import Path
from typing import Any, NoReturn

from core.data.readers.base import broken
from core.data.readers.json_text import DECODER, MEND, NamedTwice, parse_json
from core.data.readers.lines import LONGEST_ROW, pieces_of
from core.errors import UserError

_SPACE = re.compile(r"[ \t\r\n]*")


class JsonWindow:
    """Gives sign by sign and value by value.

    A value that is not complete yet is parsed again with twice as much text, so every character
    is parsed twice on average, whatever the length of the values.

    Raises:
        UserError: From every method: the text is not JSON or no text; the message names the place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pieces = pieces_of(path)
        self._text = ""
        self._at = 0
        self._line, self._before = 1, 0

    def peek(self) -> str:
        """Return the next sign that is not white space, "" at the end."""
        while True:
            self._at = _end_of_space(self._text, self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read_more():
                return ""

    def take(self, signs: str) -> str:
        """Return the next sign, which must be one of these."""
        found = self.peek()
        if not found or found not in signs:
            named = " or ".join(repr(sign) for sign in signs)
            raise self.broken(f"not valid JSON (expecting {named})")
        self._at += 1
        return found

    def begins(self, sign: str, end: str) -> bool:
        """Take the sign that opens a list or an object; tell whether anything is in it."""
        self.take(sign)
        empty = self.peek() == end
        if empty:
            self.take(end)
        return not empty

    def name(self) -> str:
        """Return the name of the value that comes next."""
        if self.peek() != '"':
            raise self.broken("not valid JSON (expecting a name in quotes)")
        name: str = self.value()
        self.take(":")
        return name

    def value(self) -> Any:
        """Return the value that comes next."""
        self.peek()
        while True:
            try:
                value, self._at = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                self._forget()
                if not self._read_more():
                    self._complain(error)
            except (RecursionError, ValueError, NamedTwice) as error:
                self._forget()
                self._complain(error)
            else:
                return value

    def broken(self, reason: str) -> UserError:
        """Return the error for the sign that comes next."""
        self._forget()
        place = f"line {self._line}, character {self._before + 1}"
        return broken(self._path, place, reason, MEND)

    def _read_more(self) -> bool:
        """Double what there is to parse, by 64 thousand characters at least."""
        self._forget()
        wanted = max(2 * len(self._text), 1 << 16)
        parts, length = [self._text], len(self._text)
        if length > LONGEST_ROW:
            return False
        while length < wanted and (piece := next(self._pieces, "")):
            parts.append(piece)
            length += len(piece)
        grown = length > len(self._text)
        self._text = "".join(parts)
        return grown

    def _forget(self) -> None:
        """Let go of what has been parsed."""
        gone, self._text, self._at = self._text[: self._at], self._text[self._at :], 0
        lines = gone.count("\n")
        self._line += lines
        self._before = len(gone) - gone.rfind("\n") - 1 + (0 if lines else self._before)

    def _complain(self, error: Exception) -> NoReturn:
        """Say what is wrong with the text that is left."""
        if isinstance(error, json.JSONDecodeError) and len(self._text) > LONGEST_ROW:
            at_end = error.pos > len(self._text) - 100 or "Unterminated" in error.msg
            if at_end:
                raise self.broken(f"a row of more than {LONGEST_ROW:,} characters")
        parse_json(self._text, self._path, self._line, self._before)
        raise AssertionError from error


def _end_of_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    assert found is not None  # it matches nothing at all as well
    return found.end()
