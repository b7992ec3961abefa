"""The learning rate by hand, at its ends, and against that of transformers."""

import itertools
import math

import pytest
import torch

from core.settings import RunSettings
from core.training.schedule import learning_rate


def rates(
    schedule: str, *, steps: int = 6, warmup: int = 2, decay_share: float = 0.5
) -> list[float]:
    changes = {
        "training.decay_share": decay_share,
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


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "wsd"])
def test_no_step_is_wasted_and_none_exceeds_the_peak(schedule: str) -> None:
    for warmup in (0, 1, 49):
        for rate in rates(schedule, steps=50, warmup=warmup):
            assert 0 < rate <= 0.8


def test_wsd_by_hand() -> None:
    roots = [0.8 * (1 - math.sqrt(done)) for done in (0, 1 / 3, 2 / 3)]
    assert rates("wsd") == pytest.approx([0.4, 0.8, 0.8, *roots])


def test_wsd_stays_at_the_peak_then_falls_to_nearly_nothing() -> None:
    got = rates("wsd", steps=1000, warmup=100, decay_share=0.2)
    assert set(got[99:801]) == {0.8}  # the first step of the decay still has the peak
    falling = got[800:]
    assert falling == sorted(set(falling), reverse=True)
    assert max(a - b for a, b in itertools.pairwise(falling)) == pytest.approx(0.8 / 200**0.5)
    assert falling[-1] == pytest.approx(0.8 * (1 - math.sqrt(199 / 200)))


def test_a_decay_longer_than_what_the_warm_up_leaves_begins_after_it() -> None:
    assert rates("wsd", steps=10, warmup=6, decay_share=1.0) == pytest.approx(
        rates("wsd", steps=10, warmup=6, decay_share=0.4)
    )


@pytest.mark.parametrize(("steps", "warmup", "share"), [(50, 0, 0.2), (50, 7, 0.3), (9, 2, 0.01)])
def test_wsd_equals_that_of_transformers_after_the_warm_up(
    steps: int, warmup: int, share: float
) -> None:
    """Its warm-up begins at zero, ours one step further; behind it the two are one."""
    from transformers import get_wsd_schedule

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.8)
    schedule = get_wsd_schedule(
        optimizer,
        num_warmup_steps=warmup,
        num_decay_steps=max(1, round(share * steps)),
        num_training_steps=steps,
        decay_type="1-sqrt",
    )
    expected = []
    for _ in range(steps):
        expected.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    got = rates("wsd", steps=steps, warmup=warmup, decay_share=share)
    assert got[warmup:] == pytest.approx(expected[warmup:])
    assert got[:warmup] == pytest.approx(expected[1 : warmup + 1])


@pytest.mark.parametrize("schedule", ["cosine", "wsd"])
def test_a_run_of_one_step_has_a_rate(schedule: str) -> None:
    assert rates(schedule, steps=1, warmup=0) == pytest.approx([0.8])


def test_a_step_outside_of_the_run_is_refused() -> None:
    settings = RunSettings().training
    for step in (0, settings.steps + 1):
        with pytest.raises(ValueError, match="is not in 1 to 60"):
            learning_rate(step, settings)
