"""Changes of settings that are proposed for the sake of memory, and what each does to the plan."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nlargest
from math import prod
from typing import Any

from core.data.lengths import Tally
from core.memory.devices import Device
from core.memory.plan import MemoryPlan, plan_memory
from core.memory.workload import Known
from core.models.info import ModelInfo
from core.settings import RunSettings


@dataclass(frozen=True, kw_only=True)
class Step:
    """A change of settings.

    Attributes:
        settings: New values by dotted key.
        words: What changes.
        cost: What that does to speed or quality.
        factor: Computation of a training step afterwards over before, at most; None where it cannot
            be derived.
    """

    settings: Mapping[str, Any]
    words: str
    cost: str
    factor: float | None = None


@dataclass(frozen=True, kw_only=True)
class Change(Step):
    """A step with what it does to the plan, taken after those before it.

    Attributes:
        gain_bytes: What the peak shrinks by; negative where memory is spent.
        plan: The plan afterwards.
    """

    gain_bytes: int
    plan: MemoryPlan


@dataclass(frozen=True)
class Case:
    """A run on a device, to be planned again and again under changed settings.

    Attributes:
        info: The base model.
        settings: The run as it stands.
        device: Where it would run.
        lengths: Tokens of each row, uncut; empty before the data were read.
        trained: Trained tokens of each row under the present limit.
        counts: How many rows have each length, where `lengths` are but the longest.
        exact: A traced or measured plan of the run as it stands. Changes of it are planned by
            formula, corrected by the share that the formulas are off by here.
    """

    info: ModelInfo
    settings: RunSettings
    device: Device
    lengths: Sequence[int] = ()
    trained: Sequence[int] = ()
    counts: Mapping[int, int] | None = None
    exact: MemoryPlan | None = None
    _longest: Sequence[tuple[int, int]] = field(init=False, repr=False)
    all_lengths: Tally = field(init=False, repr=False)
    _plans: dict[RunSettings, MemoryPlan] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Pick the rows that can ever share a micro-batch of the longest ones."""
        rows = zip(self.lengths, self.trained, strict=True)
        object.__setattr__(self, "_longest", nlargest(effective_batch(self.settings), rows))
        counts = Counter(self.lengths) if self.counts is None else self.counts
        object.__setattr__(self, "all_lengths", Tally.of_counts(counts))

    def after(self, steps: Iterable[Step]) -> RunSettings:
        """Return the settings with these steps taken."""
        return self.settings.with_changes(merged(steps))

    def plan(self, settings: RunSettings) -> MemoryPlan:
        """Return the plan of the run under other settings, made once for each."""
        if settings not in self._plans:
            if self.exact is not None and settings == self.settings:
                self._plans[settings] = self.exact
            else:
                self._plans[settings] = self._formula(settings).scaled(self._correction)
        return self._plans[settings]

    @cached_property
    def _correction(self) -> float:
        if self.exact is None:
            return 1.0
        return self.exact.peak_bytes / self._formula(self.settings).peak_bytes

    def _formula(self, settings: RunSettings) -> MemoryPlan:
        lengths, trained = ([row[i] for row in self._longest] for i in (0, 1))
        known = Known.of_rows(lengths, trained, settings, self.all_lengths.as_counts)
        return plan_memory(self.info, settings, device=self.device, known=known)


def merged(steps: Iterable[Step]) -> dict[str, Any]:
    """Return all new values by dotted key."""
    return {key: value for step in steps for key, value in step.settings.items()}


def effective_batch(settings: RunSettings) -> int:
    """Return the rows of one optimizer step."""
    return settings.training.micro_batch * settings.training.accumulation


def first_that_fits(steps: Sequence[Step], fits: Callable[[Step], bool]) -> Step | None:
    """Return the first of steps that need less and less, None where even the last does not fit."""
    index = bisect_left(steps, True, key=fits)
    return steps[index] if index < len(steps) else None


def as_change(steps: Sequence[Step], before: MemoryPlan, after: MemoryPlan) -> Change:
    """Return these steps as one, with the plan before and after it."""
    factors = [step.factor for step in steps if step.factor is not None]
    return Change(
        settings=merged(steps),
        words="; ".join(step.words for step in steps),
        cost=" ".join(step.cost for step in steps),
        factor=prod(factors) if factors else None,
        gain_bytes=before.peak_bytes - after.peak_bytes,
        plan=after,
    )
