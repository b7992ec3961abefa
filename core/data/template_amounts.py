"""How much a chat template may make: texts, lists and numbers are weighed before they are made."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jinja2.utils import Namespace

LONGEST = 20_000_000
"""Characters, or items of a list, that a template may make."""
LARGEST = 1_000_000
"""The largest width, count or exponent."""
MOST_NESTED = 200_000
"""Values within a value: a list of itself twice, forty times over, is small until it is printed."""
SLOW_FILTERS = frozenset({"wordwrap", "urlize", "striptags", "title", "indent"})
"""Filters that take a microsecond for each character, and the share of `LONGEST` they may have."""
SLOW_SHARE = 100
LIST_SHARE = 20
"""An item of a list takes the memory of so many characters, or more."""
_WIDE_PERCENT = re.compile(r"%[-+ #0]*(\*|\d{5,})|%[-+ #0\d]*\.(\*|\d{5,})")
_WIDE_BRACES = re.compile(r"\{[^{}]*(\d{5,}|\{)")
"""Formats with a width or precision that is large, or that an argument decides."""


class TooCostlyError(Exception):
    """A template went beyond its limits; the text says which."""


def joined(parts: Sequence[Any]) -> str:
    """Return the texts of values one behind the other, as `~` does."""
    texts = [str(weighed(part)) for part in parts]
    check_length(sum(map(len, texts)))
    return "".join(texts)


def check_arguments(work: Any, args: Sequence[Any], options: Mapping[str, Any]) -> None:
    """Refuse large numbers, and what would make a long text of short ones."""
    given = [*map(weighed, args), *map(weighed, options.values())]
    if any(isinstance(value, int) and abs(value) > LARGEST for value in given):
        raise TooCostlyError(f"it asks for a number above {LARGEST:,}")
    name = getattr(work, "__name__", "")
    text = getattr(getattr(work, "__wrapped__", work), "__self__", None)
    strings = [value for value in (text, *given) if isinstance(value, str)]
    if name in ("format", "format_map", "do_format"):
        wide = _WIDE_PERCENT if name == "do_format" else _WIDE_BRACES
        if any(map(wide.search, strings)):
            raise TooCostlyError("it formats to a large width")
        check_length(_formatted(strings, given))
    _check_work(name.removeprefix("do_"), strings, given)
    if name.removeprefix("do_") == "replace" and len(strings) > 2:
        check_length(len(strings[0]) + strings[0].count(strings[1]) * len(strings[2]))
    if name.removeprefix("do_") == "join":
        lists = [value for value in given if isinstance(value, list | tuple)]
        between = max(map(len, strings), default=0)
        check_length(sum(between + len(str(part)) for parts in lists for part in parts))


def _check_work(name: str, strings: Sequence[str], given: Sequence[Any]) -> None:
    """Refuse what takes far longer, or makes far more, than the length of its text tells."""
    if name in SLOW_FILTERS:
        check_length(SLOW_SHARE * max(map(len, strings), default=0))
    if name == "sum" and any(isinstance(value, list | tuple) for value in given[2:]):
        raise TooCostlyError("it adds lists up")
    if name == "translate":
        raise TooCostlyError("it translates characters")
    if name == "expandtabs" and strings:
        widths = [value for value in given if isinstance(value, int)]
        check_length(strings[0].count("\t") * max(widths, default=8))


def _formatted(strings: Sequence[str], given: Sequence[Any]) -> int:
    """Return the most characters that a format can make of what it is given."""
    fields = max((text.count("%") + text.count("{") for text in strings), default=0)
    texts = [value for value in given if isinstance(value, str)]
    texts += [text for value in given if isinstance(value, dict) for text in value.values()]
    texts += [text for value in given if isinstance(value, list | tuple) for text in value]
    return fields * max((len(text) for text in texts if isinstance(text, str)), default=0)


def weighed(value: Any) -> Any:
    """Refuse values nested so often that to print, hash or compare them would take years."""
    if not isinstance(value, list | tuple | dict | Namespace):
        return value
    waiting, seen = [value], 0
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, Namespace):
            inner = object.__getattribute__(inner, "_Namespace__attrs")
        parts = [*inner.keys(), *inner.values()] if isinstance(inner, dict) else inner
        seen += len(parts)
        if seen > LONGEST or (inner is not value and seen > MOST_NESTED):
            raise TooCostlyError("it nests values too often")
        waiting += [p for p in parts if isinstance(p, list | tuple | dict | Namespace)]
    return value


def checked(value: Any) -> Any:
    """Return a text, list or table that is not too long."""
    if isinstance(value, str | list | tuple | dict):
        check_length(len(value))
    return value


def check_length(length: int) -> None:
    """Refuse what is too long before it is made."""
    if length > LONGEST:
        raise TooCostlyError(f"it makes more than {LONGEST:,} characters")


def _times(left: Any, right: Any) -> Any:
    for sized, count in ((left, right), (right, left)):
        if hasattr(sized, "__len__") and isinstance(count, int):
            share = 1 if isinstance(sized, str) else LIST_SHARE
            check_length(len(sized) * max(count, 0) * share)
    return _small(left * right)


def _power(left: Any, right: Any) -> Any:
    if isinstance(right, int | float) and abs(right) > 64:
        raise TooCostlyError("it raises a number to a high power")
    return _small(left**right)


def _plus(left: Any, right: Any) -> Any:
    if hasattr(left, "__len__") and hasattr(right, "__len__"):
        check_length(len(left) + len(right))
    return _small(left + right)


def _modulo(left: Any, right: Any) -> Any:
    if isinstance(left, str) and _WIDE_PERCENT.search(left):
        raise TooCostlyError("it formats to a large width")
    if isinstance(left, str):
        given = right if isinstance(right, tuple) else (right,)
        check_length(_formatted([left], [weighed(part) for part in given]))
    return checked(left % right)


def _small(value: Any) -> Any:
    """Refuse integers of thousands of digits, which take minutes to print."""
    if isinstance(value, int) and value.bit_length() > 4096:
        raise TooCostlyError("it counts beyond all bounds")
    return value


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "*": _times, "**": _power, "+": _plus, "%": _modulo,
}  # fmt: skip
