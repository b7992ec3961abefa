"""The scalars against the reference numbers, and against what must hold between them."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.ranks import metrics

GOLDEN = Path(__file__).parents[2] / "golden" / "rank_fixtures.json"
CASES: dict[str, dict[str, Any]] = json.loads(GOLDEN.read_text("utf-8"))
MEASURES = {**metrics.NORMS, **metrics.RATIOS}

# By hand from the definitions; the reference table of participation ratios agrees.
EXACT_PARTICIPATION = {"s43": 625 / 337, "s321": 2.0, "flat8": 8.0}


@pytest.mark.parametrize("name", CASES)
def test_reference_numbers(name: str) -> None:
    case = CASES[name]
    sigma = case["singular_values"]
    for measure in ("frobenius", "nuclear", "spectral", "stable_rank", "participation_ratio"):
        assert float(MEASURES[measure](sigma)) == pytest.approx(case[measure], abs=1e-8)
    for measure in ("erank", "erank_energy"):
        assert float(MEASURES[measure](sigma)) == pytest.approx(case[measure], abs=1e-8)
    for share, rank in case["energy_rank"].items():
        assert int(metrics.energy_rank(sigma, float(share))) == rank


@pytest.mark.parametrize(("name", "expected"), EXACT_PARTICIPATION.items())
def test_participation_ratio_by_hand(name: str, expected: float) -> None:
    sigma = CASES[name]["singular_values"]
    assert float(metrics.participation_ratio(sigma)) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("seed", range(20))
def test_order_of_the_ranks(seed: int) -> None:
    random = np.random.default_rng(seed)
    sigma = np.sort(random.gamma(0.3, size=random.integers(1, 40)))[::-1]
    names = ("stable_rank", "participation_ratio", "erank_energy", "erank")
    values = [1.0, *(float(MEASURES[name](sigma)) for name in names), len(sigma)]
    assert all(low <= high * (1 + 1e-12) for low, high in pairwise(values))


@pytest.mark.parametrize("measure", MEASURES)
def test_zero_spectrum_gives_zero_never_nan(measure: str) -> None:
    assert float(MEASURES[measure](np.zeros(5))) == 0.0


def test_zero_spectrum_needs_no_direction() -> None:
    assert int(metrics.energy_rank(np.zeros(5), 0.95)) == 0
    assert metrics.truncation_error(np.zeros(3)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("factor", [1e-200, 1e-30, 1e30, 1e200])
def test_ratios_do_not_depend_on_the_size(factor: float) -> None:
    sigma = np.array([4.0, 2, 1, 1])
    for name, measure in metrics.RATIOS.items():
        assert float(measure(sigma * factor)) == pytest.approx(float(measure(sigma))), name
    assert float(metrics.frobenius(sigma * factor)) == pytest.approx(np.sqrt(22) * factor)


def test_equal_energies_do_not_miss_a_share_by_rounding() -> None:
    for size in range(10, 110, 10):
        assert int(metrics.energy_rank(np.full(size, 0.1), 0.9)) == round(0.9 * size)


def test_many_spectra_at_once() -> None:
    table = np.array([CASES["s4211"]["singular_values"], np.zeros(4)])
    assert metrics.stable_rank(table) == pytest.approx([1.375, 0])
    assert metrics.energy_rank(table, 0.95).tolist() == [3, 0]


def test_truncation_error_is_what_is_left() -> None:
    sigma = np.array([4.0, 2, 1, 1])
    expected = [np.sqrt((sigma[k:] ** 2).sum() / 22) for k in range(5)]
    assert metrics.truncation_error(sigma) == pytest.approx(expected, abs=1e-15)


def test_dominance_and_top_share() -> None:
    assert float(metrics.dominance([3.0, 2.0])) == pytest.approx(1.5)
    assert float(metrics.dominance([3.0])) == 0
    assert float(metrics.top_share([3.0, 1.0])) == pytest.approx(0.9)


@pytest.mark.parametrize(("share", "k"), [(0.90, 4), (0.95, 5), (0.99, 7)])
def test_nuclear_rank_of_the_reference(share: float, k: int) -> None:
    """From the reference: σ = 10·2^-i, i < 8, the exact column."""
    assert int(metrics.nuclear_rank(CASES["geom2"]["singular_values"], share)) == k
    assert int(metrics.nuclear_rank(np.zeros(4), share)) == 0


def test_base_rank_counts_what_stands_out_of_the_base() -> None:
    sigma = np.array([4.0, 2.0, 0.5, 0.01])
    assert int(metrics.base_rank(sigma, 0.01, 100.0)) == 2
    assert int(metrics.base_rank(sigma, 0.1, 100.0)) == 0
