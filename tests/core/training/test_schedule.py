import math

import pytest

from core.settings import RunSettings
from core.training.schedule import learning_rate


def rates(schedule: str, *, steps: int = 6, warmup: int = 2) -> list[float]:
    changes = {
        "training.schedule": schedule,
        "training.steps": steps,
        "training.warmup": warmup,
        "training.learning_rate": 0.8,
    }
    settings = RunSettings().with_changes(changes).training
    return [learning_rate(step, settings) for step in range(1, steps + 1)]


def test_constant_by_hand() -> None:
    assert rates("constant") == pytest.approx([0.4, 0.8, 0.8, 0.8, 0.8, 0.8])


def test_linear_by_hand() -> None:
    assert rates("linear") == pytest.approx([0.4, 0.8, 0.8, 0.6, 0.4, 0.2])


def test_cosine_by_hand() -> None:
    cosines = [0.4 * (1 + math.cos(math.pi * done)) for done in (0, 0.25, 0.5, 0.75)]
    assert rates("cosine") == pytest.approx([0.4, 0.8, *cosines])


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_no_step_is_wasted_and_none_exceeds_the_peak(schedule: str) -> None:
    for warmup in (0, 1, 49):
        for rate in rates(schedule, steps=50, warmup=warmup):
            assert 0 < rate <= 0.8


def test_a_run_of_one_step_has_a_rate() -> None:
    assert rates("cosine", steps=1, warmup=5) == pytest.approx([0.16])


def test_a_step_outside_of_the_run_is_refused() -> None:
    settings = RunSettings().training
    for step in (0, settings.steps + 1):
        with pytest.raises(ValueError, match="is not in 1 to 60"):
            learning_rate(step, settings)
