"""JSON as rows need it: every error with its place, and no name twice in an object."""

import json
from pathlib import Path
from typing import Any

from core.data.readers.base import broken, first_twice

MEND = "Mend or remove that line."


def parse_json(text: str, path: Path, line: int = 1, before: int = 0) -> Any:
    """Parse a value.

    Args:
        text: The value alone.
        path: The file, for messages.
        line: The line of the file that it begins on.
        before: How many characters stand before it on that line.

    Raises:
        UserError: It is not JSON; the message names line and character.
    """
    place = f"line {line}"
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        column = error.colno + (before if error.lineno == 1 else 0)
        place = f"line {line + error.lineno - 1}, character {column}"
        reason = f"not valid JSON ({error.msg[0].lower()}{error.msg[1:]})"
        is_page = text.lstrip().startswith("<")
        hint = "Download the file itself, not its web page." if is_page else MEND
        raise broken(path, place, reason, hint) from None
    except NamedTwice as error:
        raise broken(path, place, str(error), "Give every value a name of its own.") from None
    except RecursionError:
        reason = "the JSON is nested too deeply"
        raise broken(path, place, reason, "A row is a flat object.") from None
    except ValueError:
        reason = "a number with thousands of digits"
        raise broken(path, place, reason, "Put it in quotes, or remove the row.") from None


class NamedTwice(Exception):
    """An object gives two values the same name, of which one would be lost."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = first_twice(name for name, _ in pairs)
        raise NamedTwice(f"an object names {twice!r:.60} twice")
    return made


DECODER = json.JSONDecoder(object_pairs_hook=_object)
