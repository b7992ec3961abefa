"""Reliability R8: twenty harmless courses and twenty that go wrong, against two known rules."""

import math
import random
from collections.abc import Callable, Sequence
from statistics import fmean

import pytest

from core.events import LossSpike, Notice
from core.training.spikes import OUTLIER, PATIENCE, LossAlarm, SpikeWatch

Course = list[float]
Rule = Callable[[Sequence[float]], int | None]


def usual(seed: int, steps: int, noise: float) -> Course:
    """A fine-tuning loss: falls from 3 to 1.5 with noise of some share of itself."""
    dice = random.Random(seed)
    return [
        (1.5 + 1.5 * math.exp(-5 * i / steps)) * math.exp(dice.gauss(0, noise))
        for i in range(steps)
    ]


def with_warm_up_bump(course: Course) -> Course:
    return [loss * (1 + 0.6 * math.exp(-(((i - 8) / 3) ** 2))) for i, loss in enumerate(course)]


def with_epoch_edges(course: Course) -> Course:
    return [loss * (0.75 if i // 40 % 2 else 1.0) for i, loss in enumerate(course)]


def with_single_spikes(course: Course) -> Course:
    return [loss * (2.6 if i % 47 == 30 else 1.0) for i, loss in enumerate(course)]


def exploding(course: Course) -> Course:
    start = len(course) // 2
    return [loss * min(1.35 ** max(0, i - start), 8.0) for i, loss in enumerate(course)]


def jumping(course: Course) -> Course:
    return [loss * (3.0 if i >= len(course) // 2 else 1.0) for i, loss in enumerate(course)]


def creeping(course: Course) -> Course:
    start, steps = len(course) // 3, len(course)
    return [loss * (1 + 4 * max(0, i - start) / (steps - start)) for i, loss in enumerate(course)]


def plateau_at_chance(course: Course) -> Course:
    return [loss if i < len(course) // 2 else 10.8 for i, loss in enumerate(course)]


SIZES = ((60, 0.05), (60, 0.12), (200, 0.08), (1000, 0.1), (3000, 0.12))
HARMLESS = [
    change(usual(seed, *SIZES[seed % 5]))
    for seed, change in enumerate(
        [list, with_warm_up_bump, with_epoch_edges, with_single_spikes] * 5
    )
]
DIVERGING = [
    change(usual(100 + seed, *SIZES[seed % 5]))
    for seed, change in enumerate([exploding, jumping, creeping, plateau_at_chance] * 5)
]


def ours(course: Sequence[float]) -> int | None:
    """The step at which the run is said to diverge."""
    watch = SpikeWatch(len(course))
    for step, loss in enumerate(course):
        spike = watch.take(loss)
        if spike is not None and spike.diverging:
            return step
    return None


def kill_loss_spike(course: Sequence[float]) -> int | None:
    """llm-foundry's callback, as its source has it: nothing is judged before the window is full."""
    window, outliers = max(100, len(course) // 20), 0
    cap = min(max(course[:window]), 10)
    for step, loss in enumerate(course):
        recent = course[max(0, step - window) : step]
        if len(recent) < window:
            continue
        outliers = outliers + 1 if loss >= 2 * fmean(recent) else 0
        if outliers > 4 or sum(x > cap for x in recent) >= window / 2:
            return step
    return None


def megatron(course: Sequence[float]) -> int | None:
    """Megatron's spike: ten times the largest of the first hundred."""
    largest = max(course[:100])
    return next((i for i, loss in enumerate(course) if loss > 10 * largest), None)


def found(rule: Rule, courses: list[Course]) -> int:
    return sum(rule(course) is not None for course in courses)


def test_divergence_is_found_and_nothing_else() -> None:
    assert found(ours, DIVERGING) >= 19  # true positives of at least 0.95
    assert found(ours, HARMLESS) <= 1  # false ones of at most 0.05
    assert found(ours, DIVERGING) > found(kill_loss_spike, DIVERGING) > found(megatron, DIVERGING)


def test_it_is_found_no_later_than_by_the_rule_it_comes_from() -> None:
    both = [(ours(c), kill_loss_spike(c)) for c in DIVERGING]
    compared = [(mine, theirs) for mine, theirs in both if theirs is not None]
    assert len(compared) >= 5
    assert all(mine is not None and mine <= theirs for mine, theirs in compared)


def test_a_single_spike_is_marked_and_no_more() -> None:
    course = usual(1, 60, 0.02)
    course[40] *= 3
    watch = SpikeWatch(60)
    spikes = {step: spike for step, loss in enumerate(course) if (spike := watch.take(loss))}
    assert list(spikes) == [40]
    assert not spikes[40].diverging
    assert spikes[40].loss / spikes[40].usual == pytest.approx(3, rel=0.2)


def test_patience_is_exceeded_by_the_fifth_outlier_in_a_row() -> None:
    watch = SpikeWatch(60, before=[1.0] * 30)
    said = [watch.take(OUTLIER) for _ in range(PATIENCE + 1)]
    assert [spike.diverging for spike in said if spike] == [False] * PATIENCE + [True]


def test_a_resumed_watch_says_the_same() -> None:
    course = with_single_spikes(usual(3, 200, 0.1))
    whole, first = SpikeWatch(200), SpikeWatch(200)
    expected = [whole.take(loss) for loss in course]
    for loss in course[:120]:
        first.take(loss)
    second = SpikeWatch(200, before=course[:120])
    assert [second.take(loss) for loss in course[120:]] == expected[120:]


def test_a_run_that_has_gone_wrong_is_told_once() -> None:
    """And again when it goes wrong again; a resume in between changes nothing."""
    course = [1.0] * 30 + [3.0] * 20 + [1.0] * 30 + [3.0] * 20
    for cut in (0, 40):
        alarm, told = LossAlarm(100, course[:cut]), []
        for step, loss in enumerate(course[cut:], cut + 1):
            told += list(alarm.judge(step, loss))
        spikes = [event.step for event in told if isinstance(event, LossSpike)]
        assert spikes == [step for step in (*range(31, 36), *range(81, 86)) if step > cut]
        assert sum(isinstance(event, Notice) for event in told) == (1 if cut else 2)
