"""The metrics of a run, also across a resume."""

import math

import numpy as np

from core.events import Evaluated, Notice, StepDone
from core.history import History


def step(number: int, loss: float = 1.0) -> StepDone:
    return StepDone(
        step=number, loss=loss, learning_rate=0.1, gradient_norm=1.0, trained_tokens=1, tokens=2,
        tokens_per_second=3.0, memory_bytes=4,
    )  # fmt: skip


def test_many_steps_grow_the_columns() -> None:
    history = History(step(number, number / 2) for number in range(1, 5001))
    assert len(history.steps) == 5000
    np.testing.assert_array_equal(history.steps["loss"], np.arange(1, 5001) / 2)


def test_a_resumed_run_has_no_doubled_step() -> None:
    events = [step(n) for n in (1, 2, 3, 4)] + [step(n, 9.0) for n in (3, 4, 5)]
    history = History(events)
    assert history.steps["step"].tolist() == [1, 2, 3, 4, 5]
    assert history.steps["loss"].tolist() == [1, 1, 9, 9, 9]


def test_best_ignores_nan() -> None:
    history = History([Evaluated(step=s, loss=v) for s, v in ((0, math.nan), (5, 2.0), (9, 3.0))])
    assert history.best == (5, 2.0)
    assert History([Evaluated(step=0, loss=math.nan)]).best is None


def test_version_grows_with_metrics_only() -> None:
    history = History()
    history.append(Notice(level="info", message="hello"))
    assert history.version == 0
    history.append(step(1))
    assert history.version == 1
