"""Chat templates within limits of time and size.

A template comes with a model, from anybody. jinja's sandbox keeps it from the rest of the program,
but not from looping for years or making terabytes of text. Here every loop, call and filter looks
at the clock, and whatever makes long texts is measured before it does. That works in any thread and
on any system, where an alarm would not, and needs no second process.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from time import perf_counter
from typing import Any

from jinja2 import Template, nodes

from core.data.template_amounts import (
    OPERATORS,
    TooCostlyError,
    check_arguments,
    check_length,
    checked,
    joined,
    weighed,
)

SECONDS = 0.5
"""Time for one rendering; a long conversation takes milliseconds."""
COMPARING = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "in", "contains"})
"""Tests of jinja that walk through both values."""
LONGEST_SOURCE = 500_000
"""Characters of a template; the longest in use has some 20,000."""


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
                check_length(length)
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
    made.intercepted_binops = frozenset(OPERATORS)
    made.binop_table = {**made.binop_table, **OPERATORS}
    made.filters = {name: _measured(work, budget) for name, work in made.filters.items()}
    made.tests = {
        name: _measured(work, budget) if getattr(work, "__name__", "") in COMPARING else work
        for name, work in made.tests.items()
    }
    made.globals = {name: value for name, value in made.globals.items() if name != "lipsum"}
    made.finalize = weighed
    made.filters |= {"_weighed": weighed}
    made.filters |= {"_ticking": partial(_ticking, budget), "_joined": joined}
    call, parse = made.call, made._parse

    def measured_call(context: Any, work: Any, *args: Any, **options: Any) -> Any:
        budget.tick()
        check_arguments(work, args, options)
        return checked(call(context, work, *args, **options))

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


def _measured(work: Callable[..., Any], budget: Budget) -> Callable[..., Any]:
    """Return a filter that is measured; what jinja noted on it stays noted."""

    def run(*args: Any, **options: Any) -> Any:
        budget.tick()
        check_arguments(work, args, options)
        return checked(work(*args, **options))

    run.__dict__.update(getattr(work, "__dict__", {}))
    return run
