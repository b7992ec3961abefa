"""The series of a run against its history: steps, tokens, time, resumed runs."""

import numpy as np
import pytest

from app.plots.run_series import RunSeries
from core.events import Evaluated, RunStarted, StepDone
from core.history import History


def step(number: int, loss: float, seconds: float = 0.0) -> StepDone:
    return StepDone(
        seconds=seconds or 1000.0 + 2 * number,
        step=number,
        loss=loss,
        learning_rate=1e-4,
        gradient_norm=1.0,
        trained_tokens=10,
        tokens=100 + number,
        tokens_per_second=50.0,
        memory_bytes=1,
    )


def started() -> RunStarted:
    return RunStarted(
        seconds=1000.0,
        first_step=0,
        total_steps=100,
        parameters=10,
        trainable_parameters=1,
        rows=10,
        steps_per_epoch=5,
        device="CPU",
        precision="fp32",
    )


def history(count: int) -> History:
    events = [started(), Evaluated(seconds=1000.0, step=0, loss=4.0)]
    events += [step(n, 4.0 - 0.01 * n) for n in range(1, count + 1)]
    events += [Evaluated(seconds=1000.0 + 2 * count, step=count, loss=3.0)]
    return History(events)


def test_grows_with_its_history() -> None:
    run, series = history(10), RunSeries()
    assert series.sync(run)
    assert not series.sync(run)
    run.append(step(11, 2.0))
    assert series.sync(run)
    np.testing.assert_array_equal(series.x, np.arange(1, 12))
    np.testing.assert_array_equal(series.series["loss"].view(0, 20, 100)[1], run.steps["loss"])


@pytest.mark.parametrize(
    ("axis", "last", "evaluated"),
    [("step", 10.0, [0, 10]), ("tokens", 1055.0, [0, 1055]), ("time", 20.0, [0, 20])],
)
def test_axes(axis: str, last: float, evaluated: list[float]) -> None:
    series = RunSeries(axis)
    series.sync(history(10))
    assert series.x[-1] == last
    np.testing.assert_allclose(series.evaluations[0], evaluated)


def test_a_resumed_run_repeats_steps_and_nothing_old_stays() -> None:
    run, series = history(10), RunSeries()
    series.sync(run)
    for number in range(6, 13):
        run.append(step(number, 9.0, seconds=5000.0 + number))
    assert series.sync(run)
    np.testing.assert_array_equal(series.series["loss"].view(0, 20, 100)[1], run.steps["loss"])
    assert len(series.smooth) == 12


def test_smooth_line_has_one_point_per_column_and_ends_at_the_newest() -> None:
    series = RunSeries()
    series.sync(history(2000))
    x, y = series.smooth_line(0, 2000, 300)
    assert len(x) <= 300
    assert x[-1] == 2000
    assert y[-1] == series.smooth[-1]
