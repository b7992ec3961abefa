"""The contract of a preflight check."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from core.checks.context import CheckContext
from core.errors import UserError
from core.registry import Registry

Level = Literal["block", "warn", "info", "ok"]
LEVELS: tuple[Level, ...] = ("block", "warn", "info", "ok")
"""From what keeps a run from starting to what is fine."""


@dataclass(frozen=True)
class Finding:
    """What one check has to say.

    Attributes:
        level: "block", "warn", "info" or "ok".
        message: What is, in one sentence.
        fix: What to do about it; empty where all is fine.
        changes: Settings by dotted key that do it; empty where no setting can.
    """

    level: Level
    message: str
    fix: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """A finding with the id of its check, as in the JSON of `rankscope check`."""

    id: str
    level: Level
    message: str
    fix: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)


Check = Callable[[CheckContext], Finding | None]
"""Judges a run; None where the context does not hold what it needs, or there is no such thing."""

CHECKS: Registry[Check] = Registry("preflight check")
NUMBERS: dict[str, tuple[int, ...]] = {}
"""Which items of the preflight list (`core.checks.reference`) each check answers."""


def check(name: str, *numbers: int) -> Callable[[Check], Check]:
    """Return a decorator that registers a check and the items of the list that it answers."""
    NUMBERS[name] = numbers
    return CHECKS.register(name)


def run_checks(context: CheckContext) -> list[CheckResult]:
    """Run all checks that the context has the means for; the most serious come first."""
    results = []
    for name in CHECKS:
        found = CHECKS[name](context)
        if found is not None:
            results.append(CheckResult(id=name, **vars(found)))
    return most_serious_first(results)


def most_serious_first(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Return the results by level, those of one level in the order they came."""
    return sorted(results, key=lambda result: LEVELS.index(result.level))


def is_blocked(results: Iterable[CheckResult]) -> bool:
    """Tell whether a run must not start."""
    return any(result.level == "block" for result in results)


def refused(error: UserError) -> Finding:
    """Return a block that says what the error says."""
    return Finding("block", error.message, error.hint)
