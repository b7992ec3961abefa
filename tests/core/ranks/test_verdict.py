"""The verdict, on curves whose truth is known."""

from typing import Any

import numpy as np
import pytest

from core.ranks.curve import CurvePoint, LossCurve
from core.ranks.verdict import judge, resampled_means


def curve(
    increases: dict[int, float],
    *,
    gain: float = 1.0,
    noise: float = 0.01,
    rows: int = 200,
    **more: Any,
) -> LossCurve:
    """A curve whose uniform ranks lose so much, with noise per example that grows with the loss."""
    random = np.random.default_rng(0)
    tokens = random.integers(5, 30, rows).astype(float)
    full = tokens * random.uniform(1, 3, rows)

    def worse(by: float) -> np.ndarray:
        spread = noise * (1 if by else 0)
        return full + tokens * (by + spread * random.standard_normal(rows))

    rank = max(increases)
    points = tuple(
        CurvePoint(mode="uniform", setting=k, ranks={"m": k}, parameters=100 * k, losses=worse(by))
        for k, by in increases.items()
    )
    content: dict[str, Any] = {"available": rows, **more}
    return LossCurve(
        adapter="a",
        rank=rank,
        parameters=100 * rank,
        tokens=tokens,
        base=worse(gain),
        full=full,
        points=points,
        **content,
    )


NARROW = {1: 0.5, 2: 0.2, 4: 0.001, 8: 0.0005, 16: 0.0}
WIDE = {1: 0.8, 2: 0.6, 4: 0.4, 8: 0.1, 16: 0.0}


def test_more_rank_than_needed() -> None:
    verdict = judge(curve(NARROW))
    assert (verdict.kind, verdict.k, verdict.low, verdict.high) == ("over-provisioned", 4, 4, 4)
    assert "4 of the 16" in verdict.sentence
    assert "25%" in verdict.sentence
    assert verdict.smallest.parameters == 400


def test_a_rank_that_fits() -> None:
    assert judge(curve(WIDE)).kind == "right-sized"
    assert "at rank 8 the loss on held-out rows is 0.09" in judge(curve(WIDE)).sentence


@pytest.mark.parametrize("even", [True, False, None])
@pytest.mark.parametrize("falling", [True, False, None])
def test_too_low_is_said_only_where_all_signs_agree(
    even: bool | None, falling: bool | None
) -> None:
    verdict = judge(curve(WIDE, uses_its_rank=even, still_falling=falling))
    assert (verdict.kind == "rank-limited") == bool(even and falling)


def test_noise_that_reaches_across_half_the_rank_leaves_it_open() -> None:
    verdict = judge(curve({1: 0.5, 2: 0.3, 4: 0.2, 8: 0.006, 16: 0.0}, noise=0.05))
    assert verdict.kind == "unknown"
    assert verdict.low <= 8 < verdict.high


def test_noise_that_hides_a_tenth_of_the_gain_leaves_it_open() -> None:
    """Otherwise fewer examples would recommend ever smaller ranks."""
    verdict = judge(curve({1: 0.02, 2: 0.01, 16: 0.0}, gain=0.1, noise=0.3))
    assert verdict.kind == "unknown"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": 5}, "5 held-out examples cannot tell. Hold out more rows"),
        ({"rows": 5, "available": 90}, "Measure more of the 90 held-out rows"),
        ({"gain": 0.0001, "noise": 1.0}, "cannot tell the adapter from the base model"),
    ],
)
def test_not_enough_data(changes: dict[str, Any], words: str) -> None:
    verdict = judge(curve(NARROW, **changes))
    assert verdict.kind == "unknown"
    assert words in verdict.sentence


def test_rows_that_were_trained_on_prove_nothing() -> None:
    trained = curve(NARROW).model_copy(update={"rows": "training"})
    assert judge(trained).kind == "unknown"
    assert "trained on" in judge(trained).sentence


def test_an_adapter_that_makes_it_worse() -> None:
    verdict = judge(curve(NARROW, gain=-0.3))
    assert verdict.kind == "no gain"
    assert "worse, by 0.29" in verdict.sentence


def test_a_gain_within_the_tolerance_is_none() -> None:
    verdict = judge(curve({1: 0.002, 2: 0.0}, gain=0.004))
    assert verdict.kind == "no gain"
    assert "the base model alone is as good" in verdict.sentence


def test_a_larger_tolerance_never_asks_for_more_rank() -> None:
    ranks = [judge(curve(WIDE), tolerance).k for tolerance in (0.0, 0.05, 0.2, 0.5, 2.0)]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[-1] == 1


def test_essentially_rank_one() -> None:
    narrow = judge(curve({1: 0.08, 2: 0.001, 4: 0.001, 8: 0.0}))
    assert narrow.essentially_rank_one
    assert narrow.rank_one_share == pytest.approx(0.92, abs=0.01)
    assert not judge(curve(NARROW)).essentially_rank_one


def test_the_interval_holds_the_true_rank() -> None:
    """k* is found again on other draws of examples about as often as the interval says."""
    hits = 0
    for seed in range(30):
        random = np.random.default_rng(seed)
        tokens = np.full(150, 10.0)
        losses = {1: 0.2, 2: 0.05, 4: 0.002, 8: 0.001, 16: 0.0}
        points = tuple(
            CurvePoint(
                mode="uniform",
                setting=k,
                ranks={"m": k},
                parameters=k,
                losses=tokens * (by + (0.01 if by else 0) * random.standard_normal(150)),
            )
            for k, by in losses.items()
        )
        found = judge(
            LossCurve(
                adapter="",
                rank=16,
                parameters=16,
                available=150,
                tokens=tokens,
                base=tokens,
                full=tokens * 0,
                points=points,
            )
        )
        hits += found.low <= 4 <= found.high
    assert hits >= 27


def test_resampling_is_the_same_every_time_and_spreads_as_the_error_says() -> None:
    measured = curve(NARROW, noise=0.1)
    point = measured.line("uniform")[0]
    differences = (point.losses - measured.full)[None]
    means = resampled_means(differences, measured.tokens)
    assert (means == resampled_means(differences, measured.tokens)).all()
    assert means.std() == pytest.approx(measured.increase(point).error, rel=0.1)


def test_a_curve_survives_json() -> None:
    measured = curve(WIDE, uses_its_rank=True)
    again = LossCurve.model_validate_json(measured.model_dump_json())
    assert again.model_dump_json() == measured.model_dump_json()
    assert judge(again).sentence == judge(measured).sentence


def test_numbers_that_are_not_finite_are_refused() -> None:
    content = curve(WIDE).model_dump()
    content["full"][0] = float("nan")
    with pytest.raises(ValueError, match="finite"):
        LossCurve.model_validate(content)
