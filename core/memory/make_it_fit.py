"""Make it fit: the least harmful changes with which a run fits a device.

The savings are a ladder, from what costs only speed to what costs quality. It is climbed as far as
it takes, every saving below made in full. Then the most harmful saving that was needed stands, as
small as it can be, and those below it are given back as far as the run still fits.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from core.memory.cards import CARDS
from core.memory.devices import Device
from core.memory.proposals import Case, Change, Step, as_change, first_that_fits
from core.memory.savings import SAVINGS, Saving, has_eight_bit_optimizer
from core.memory.verdict import Answer, judge, verdict
from core.settings import RunSettings

Fits = Callable[[RunSettings], bool]


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What makes a run fit, or why nothing does.

    Attributes:
        changes: In the order of harm; empty where the run fits already or nothing helps.
        answer: The verdict with all changes made.
        failure: Where nothing helps: "weights" if the frozen model alone is too large even when
            rounded, "settings" if it is what comes on top; else "".
        least_bytes: Where nothing helps: the peak with everything given up.
        card: Where nothing helps: the smallest card that would do then; None if there is none.
    """

    changes: tuple[Change, ...] = ()
    answer: Answer
    failure: Literal["", "weights", "settings"] = ""
    least_bytes: int = 0
    card: Device | None = None

    @property
    def needless(self) -> bool:
        """Whether the run fits as it stands."""
        return self.answer == "fits" and not self.changes


def make_it_fit(case: Case) -> Fit:
    """Return the least harmful changes with which the run fits.

    Where nothing leaves the reserve of "fits" and the run does not fit at all, the changes are
    those that make it at least "tight". A run that is tight is not changed only to stay so.

    Raises:
        UserError: A target matches no module of the model.
    """
    now = judge(case.plan(case.settings), case.device)
    if now == "fits":
        return Fit(answer=now)
    goals: list[set[Answer]] = [{"fits"}]
    if now == "does not fit":
        goals.append({"fits", "tight"})
    steps: list[Step] = []
    for goal in goals:
        steps, reached = _climb(case, _reaching(case, goal))
        if reached:
            changes = _with_gains(case, steps)
            return Fit(changes=changes, answer=judge(changes[-1].plan, case.device))
    return _nothing_helps(case, case.after(steps), now)


def _reaching(case: Case, goal: set[Answer]) -> Fits:
    return lambda settings: judge(case.plan(settings), case.device) in goal


def _climb(case: Case, fits: Fits) -> tuple[list[Step], bool]:
    """Return the steps that reach the goal, or all that there are, and whether they reach it."""
    chosen: dict[Saving, Step] = {}
    for saving in SAVINGS:
        below = list(chosen.values())
        settings = case.after(below)
        steps = saving(case, settings)
        found = _smallest(case, steps, below, fits)
        if found is not None:
            return [*_given_back(case, chosen, found, fits), found], True
        if steps and _saves(case, settings, case.after([*below, steps[-1]])):
            chosen[saving] = steps[-1]
    return list(chosen.values()), False


def _smallest(case: Case, steps: Sequence[Step], others: Sequence[Step], fits: Fits) -> Step | None:
    """Return the smallest saving that reaches the goal beside the others."""
    return first_that_fits(steps, lambda step: fits(case.after([*others, step])))


def _given_back(case: Case, chosen: dict[Saving, Step], last: Step, fits: Fits) -> list[Step]:
    """Return the chosen steps, each as small as it can be beside `last`, or left out."""
    kept = dict(chosen)
    for saving in reversed(chosen):
        others = [*(step for key, step in kept.items() if key is not saving), last]
        settings = case.after(others)
        if fits(settings):
            del kept[saving]
        else:
            kept[saving] = _smallest(case, saving(case, settings), others, fits) or kept[saving]
    return list(kept.values())


def _saves(case: Case, before: RunSettings, after: RunSettings) -> bool:
    """Tell whether a change needs less memory.

    "auto" would at once checkpoint fewer blocks, up to the same peak; so it counts as "off" here.
    """
    old, new = (case.plan(_without_auto(settings)).peak_bytes for settings in (before, after))
    return new < old


def _without_auto(settings: RunSettings) -> RunSettings:
    if settings.training.gradient_checkpointing != "auto":
        return settings
    return settings.with_changes({"training.gradient_checkpointing": "off"})


def _with_gains(case: Case, steps: Iterable[Step]) -> tuple[Change, ...]:
    """Return the steps with their gains, each after those before it.

    A step that gains only together with the next becomes one change with it: where two moments of
    a training step need nearly the same, lowering one leaves the peak to the other. The last one
    gains, since the run did not fit without it.
    """
    changes: list[Change] = []
    taken: list[Step] = []
    waiting: list[Step] = []
    plan = case.plan(case.settings)
    for step in steps:
        waiting.append(step)
        after = case.plan(case.after([*taken, *waiting]))
        if after.peak_bytes < plan.peak_bytes:
            changes.append(as_change(waiting, plan, after))
            taken, waiting, plan = [*taken, *waiting], [], after
    return tuple(changes)


def _nothing_helps(case: Case, least: RunSettings, answer: Answer) -> Fit:
    plan = case.plan(least)
    return Fit(
        answer=answer,
        failure=verdict(plan, case.device).failure,
        least_bytes=plan.peak_bytes,
        card=smallest_card(case, least),
    )


def smallest_card(case: Case, settings: RunSettings) -> Device | None:
    """Return the card with the least memory on which these settings fit, None if none does."""
    needed = 0
    for card in sorted(CARDS, key=lambda card: card.total_bytes):
        lacks = settings.training.optimizer == "adamw8bit" and not has_eight_bit_optimizer(card)
        if lacks or card.free_bytes < needed:
            continue
        plan = Case(case.info, settings, card, case.lengths, case.trained, case.counts).plan(
            settings
        )
        if judge(plan, card) == "fits":
            return card
        needed = plan.peak_bytes
    return None
