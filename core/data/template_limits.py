"""Chat templates within limits of time and size.

A template comes with a model, from anybody. jinja's sandbox keeps it from the rest of the program,
but not from looping for years or making terabytes of text. Here every loop, call and filter looks
at the clock, and whatever makes long texts is measured before it does. That works in any thread and
on any system, where an alarm would not, and needs no second process.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from time import perf_counter
from typing import Any

from jinja2 import Template, nodes
from jinja2.utils import Namespace

SECONDS = 0.5
"""Time for one rendering; a long conversation takes milliseconds."""
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
COMPARING = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "in", "contains"})
LONGEST_SOURCE = 500_000
"""Characters of a template; the longest in use has some 20,000."""
_WIDE_PERCENT = re.compile(r"%[-+ #0]*(\*|\d{5,})|%[-+ #0\d]*\.(\*|\d{5,})")
_WIDE_BRACES = re.compile(r"\{[^{}]*(\d{5,}|\{)")
"""Formats with a width or precision that is large, or that an argument decides."""


class TooCostlyError(Exception):
    """A template went beyond its limits; the text says which."""


class Budget:
    """What one rendering may still take."""

    def __init__(self) -> None:
        self._end = 0.0

    def begin(self) -> None:
        """Start the clock."""
        self._end = perf_counter() + SECONDS

    def tick(self) -> None:
        """Look at the clock."""
        if perf_counter() > self._end:
            raise TooCostlyError(f"it takes longer than {SECONDS:g} s for one conversation")


class LimitedTemplate:
    """A compiled chat template.

    Raises:
        TooCostlyError: It is too long, or nested too deeply.
        jinja2.TemplateError: It is no template.
    """

    def __init__(self, source: str) -> None:
        if len(source) > LONGEST_SOURCE:
            raise TooCostlyError(f"it is longer than {LONGEST_SOURCE:,} characters")
        self._budget = Budget()
        self._template: Template = _environment(self._budget).from_string(source)

    def render(self, **variables: Any) -> str:
        """Render one conversation.

        Raises:
            TooCostlyError: It went beyond its limits.
            jinja2.TemplateError: It refuses the conversation.
        """
        self._budget.begin()
        pieces, length = [], 0
        try:
            for piece in self._template.generate(**variables):
                self._budget.tick()
                length += len(piece)
                _check_length(length)
                pieces.append(piece)
        except RecursionError:
            raise TooCostlyError("it calls itself without end") from None
        except MemoryError:
            raise TooCostlyError("it takes more memory than there is") from None
        return "".join(pieces)


@lru_cache(maxsize=16)
def limited(source: str) -> LimitedTemplate:
    """Return a template, compiled once.

    Raises:
        TooCostlyError, jinja2.TemplateError: As of `LimitedTemplate`.
    """
    try:
        return LimitedTemplate(source)
    except (RecursionError, SyntaxError):
        raise TooCostlyError("it is nested too deeply") from None


def _environment(budget: Budget) -> Any:
    """Return the environment of transformers, with a look at the clock wherever work is done."""
    # Slow to import, and only where a model's own template is at hand.
    from transformers.utils.chat_template_utils import _compile_jinja_template

    made = _compile_jinja_template("").environment.overlay()
    made.intercepted_binops = frozenset(_OPERATORS)
    made.binop_table = {**made.binop_table, **_OPERATORS}
    made.filters = {name: _measured(work, budget) for name, work in made.filters.items()}
    made.tests = {
        name: _measured(work, budget) if getattr(work, "__name__", "") in COMPARING else work
        for name, work in made.tests.items()
    }
    made.globals = {name: value for name, value in made.globals.items() if name != "lipsum"}
    made.finalize = _weighed
    made.filters |= {"_weighed": _weighed}
    made.filters |= {"_ticking": partial(_ticking, budget), "_joined": _joined}
    call, parse = made.call, made._parse

    def measured_call(context: Any, work: Any, *args: Any, **options: Any) -> Any:
        budget.tick()
        _check_arguments(work, args, options)
        return _checked(call(context, work, *args, **options))

    made.call = measured_call
    made._parse = lambda *source: _watched(parse(*source))
    return made


def _watched(tree: nodes.Template) -> nodes.Template:
    """Let loops tick, `~` be measured, and what is compared or looked up be weighed."""
    for loop in tree.find_all(nodes.For):
        loop.iter = _filtered("_ticking", loop.iter)
    for pair in tree.find_all(nodes.Pair):
        pair.key = _unless_constant(pair.key)
    for item in tree.find_all(nodes.Getitem):
        item.arg = _unless_constant(item.arg)
    for compare in tree.find_all(nodes.Compare):
        compare.expr = _unless_constant(compare.expr)
        for operand in compare.ops:
            operand.expr = _unless_constant(operand.expr)
    for parent in tree.find_all(nodes.Node):
        for field, value in parent.iter_fields():
            if isinstance(value, nodes.Concat):
                setattr(parent, field, _as_filter(value))
            elif isinstance(value, list):
                value[:] = [_as_filter(v) if isinstance(v, nodes.Concat) else v for v in value]
    assert tree.environment is not None
    tree.set_environment(tree.environment)
    return tree


def _unless_constant(node: Any) -> Any:
    return node if isinstance(node, nodes.Const | nodes.Slice) else _filtered("_weighed", node)


def _as_filter(concat: nodes.Concat) -> nodes.Filter:
    return _filtered("_joined", nodes.List(concat.nodes, lineno=concat.lineno))


def _filtered(name: str, node: Any) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _ticking(budget: Budget, items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        budget.tick()
        yield item


def _joined(parts: Sequence[Any]) -> str:
    texts = [str(_weighed(part)) for part in parts]
    _check_length(sum(map(len, texts)))
    return "".join(texts)


def _measured(work: Callable[..., Any], budget: Budget) -> Callable[..., Any]:
    """Return a filter that is measured; what jinja noted on it stays noted."""

    def run(*args: Any, **options: Any) -> Any:
        budget.tick()
        _check_arguments(work, args, options)
        return _checked(work(*args, **options))

    run.__dict__.update(getattr(work, "__dict__", {}))
    return run


def _check_arguments(work: Any, args: Sequence[Any], options: Mapping[str, Any]) -> None:
    """Refuse large numbers, and what would make a long text of short ones."""
    given = [*map(_weighed, args), *map(_weighed, options.values())]
    if any(isinstance(value, int) and abs(value) > LARGEST for value in given):
        raise TooCostlyError(f"it asks for a number above {LARGEST:,}")
    name = getattr(work, "__name__", "")
    text = getattr(getattr(work, "__wrapped__", work), "__self__", None)
    strings = [value for value in (text, *given) if isinstance(value, str)]
    if name in ("format", "format_map", "do_format"):
        wide = _WIDE_PERCENT if name == "do_format" else _WIDE_BRACES
        if any(map(wide.search, strings)):
            raise TooCostlyError("it formats to a large width")
        _check_length(_formatted(strings, given))
    _check_work(name.removeprefix("do_"), strings, given)
    if name.removeprefix("do_") == "replace" and len(strings) > 2:
        _check_length(len(strings[0]) + strings[0].count(strings[1]) * len(strings[2]))
    if name.removeprefix("do_") == "join":
        lists = [value for value in given if isinstance(value, list | tuple)]
        between = max(map(len, strings), default=0)
        _check_length(sum(between + len(str(part)) for parts in lists for part in parts))


def _check_work(name: str, strings: Sequence[str], given: Sequence[Any]) -> None:
    """Refuse what takes far longer, or makes far more, than the length of its text tells."""
    if name in SLOW_FILTERS:
        _check_length(SLOW_SHARE * max(map(len, strings), default=0))
    if name == "sum" and any(isinstance(value, list | tuple) for value in given[2:]):
        raise TooCostlyError("it adds lists up")
    if name == "translate":
        raise TooCostlyError("it translates characters")
    if name == "expandtabs" and strings:
        widths = [value for value in given if isinstance(value, int)]
        _check_length(strings[0].count("\t") * max(widths, default=8))


def _formatted(strings: Sequence[str], given: Sequence[Any]) -> int:
    """Return the most characters that a format can make of what it is given."""
    fields = max((text.count("%") + text.count("{") for text in strings), default=0)
    texts = [value for value in given if isinstance(value, str)]
    texts += [text for value in given if isinstance(value, dict) for text in value.values()]
    texts += [text for value in given if isinstance(value, list | tuple) for text in value]
    return fields * max((len(text) for text in texts if isinstance(text, str)), default=0)


def _weighed(value: Any) -> Any:
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


def _checked(value: Any) -> Any:
    if isinstance(value, str | list | tuple | dict):
        _check_length(len(value))
    return value


def _check_length(length: int) -> None:
    if length > LONGEST:
        raise TooCostlyError(f"it makes more than {LONGEST:,} characters")


def _times(left: Any, right: Any) -> Any:
    for sized, count in ((left, right), (right, left)):
        if hasattr(sized, "__len__") and isinstance(count, int):
            share = 1 if isinstance(sized, str) else LIST_SHARE
            _check_length(len(sized) * max(count, 0) * share)
    return _small(left * right)


def _power(left: Any, right: Any) -> Any:
    if isinstance(right, int | float) and abs(right) > 64:
        raise TooCostlyError("it raises a number to a high power")
    return _small(left**right)


def _plus(left: Any, right: Any) -> Any:
    if hasattr(left, "__len__") and hasattr(right, "__len__"):
        _check_length(len(left) + len(right))
    return _small(left + right)


def _modulo(left: Any, right: Any) -> Any:
    if isinstance(left, str) and _WIDE_PERCENT.search(left):
        raise TooCostlyError("it formats to a large width")
    if isinstance(left, str):
        given = right if isinstance(right, tuple) else (right,)
        _check_length(_formatted([left], [_weighed(part) for part in given]))
    return _checked(left % right)


def _small(value: Any) -> Any:
    """Refuse integers of thousands of digits, which take minutes to print."""
    if isinstance(value, int) and value.bit_length() > 4096:
        raise TooCostlyError("it counts beyond all bounds")
    return value


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "*": _times, "**": _power, "+": _plus, "%": _modulo,
}  # fmt: skip
