"""The estimate of the rest of a run against sums made by hand."""

import pytest

from app.time_left import seconds_left
from core.events import Evaluated, Event, RunStarted, StepDone
from core.history import History


def started(total_steps: int) -> RunStarted:
    return RunStarted(
        seconds=100.0,
        first_step=0,
        total_steps=total_steps,
        parameters=10,
        trainable_parameters=1,
        rows=10,
        steps_per_epoch=5,
        device="CPU",
        precision="fp32",
    )


def step(number: int, seconds: float) -> StepDone:
    return StepDone(
        seconds=seconds,
        step=number,
        loss=3.0,
        learning_rate=1e-4,
        gradient_norm=1.0,
        trained_tokens=10,
        tokens=100,
        tokens_per_second=50.0,
        memory_bytes=1,
    )


EVALUATED = Evaluated(seconds=130.0, step=0, loss=4.0)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], None),
        ([started(6)], None),
        ([started(6), EVALUATED, step(1, 132.0)], 5 * 2 + 3 * 30),
        ([started(7), EVALUATED, step(1, 132.0)], 6 * 2 + 4 * 30),
        (
            [
                started(6),
                EVALUATED,
                step(1, 132.0),
                step(2, 134.0),
                Evaluated(seconds=144.0, step=2, loss=3.9),
                step(3, 146.0),
            ],
            3 * 2 + 2 * 10,
        ),
        ([started(1), EVALUATED, step(1, 132.0), Evaluated(seconds=140.0, step=1, loss=3.9)], 0),
    ],
)
def test_steps_and_evaluations_to_come(events: list[Event], expected: float | None) -> None:
    left = seconds_left(History(events), evaluate_every=2)
    assert left == (None if expected is None else pytest.approx(expected))
