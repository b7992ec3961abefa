"""The null against a simulation that really multiplies B and A and takes a dense SVD."""

import numpy as np
import pytest

from core.ranks import metrics
from core.ranks.null import draw_spectra, number_of_draws, unit_null

DRAWS = 600


def simulate(m: int, n: int, r: int) -> np.ndarray:
    """Return unit-norm spectra of Gaussian B times A from Kaiming's uniform start, a = √5."""
    random = np.random.default_rng([m, n, r])
    spectra = []
    for _ in range(DRAWS):
        b = random.standard_normal((m, r))
        a = random.uniform(-1 / np.sqrt(n), 1 / np.sqrt(n), (r, n))
        spectra.append(np.linalg.svd(b @ a, compute_uv=False)[: min(m, n, r)])
    table = np.array(spectra)
    return table / np.linalg.norm(table, axis=1, keepdims=True)


@pytest.mark.parametrize(("m", "n", "r"), [(96, 64, 8), (64, 96, 8), (40, 40, 16), (20, 16, 4)])
def test_agrees_with_brute_force(m: int, n: int, r: int) -> None:
    dense = simulate(m, n, r)
    drawn = draw_spectra((m, n), r, DRAWS, np.random.default_rng(1))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    for quantile in (0.05, 0.5, 0.95):
        expected = np.quantile(dense, quantile, axis=0)
        assert np.quantile(drawn, quantile, axis=0) == pytest.approx(expected, rel=0.06)
        for name in ("stable_rank", "erank", "erank_energy"):
            measure = metrics.RATIOS[name]
            expected = np.quantile(measure(dense), quantile)
            assert np.quantile(measure(drawn), quantile) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(
    ("rank", "stable", "effective", "k90"), [(8, 0.83, 0.998, 8), (32, 0.70, 0.992, 28)]
)
def test_published_values_for_1024(rank: int, stable: float, effective: float, k90: int) -> None:
    """From the reference: random updates with n = 1024 use this share of their rank."""
    null = unit_null((1024, 1024), rank)
    low, high = null.intervals["stable_rank"]
    assert low <= stable * rank * 1.03
    assert high >= stable * rank * 0.97
    assert np.mean(null.intervals["erank"]) / rank == pytest.approx(effective, abs=0.002)
    assert null.energy_rank["0.90"][0] <= k90 <= null.energy_rank["0.90"][1]


def test_same_numbers_every_time() -> None:
    first = unit_null((96, 64), 4)
    unit_null.cache_clear()
    second = unit_null((96, 64), 4)
    assert first is not second
    assert first.intervals == second.intervals


def test_intervals_are_ordered_and_scale_with_the_norm() -> None:
    null = unit_null((96, 64), 8)
    scaled = null.scaled(3.0)
    for low, high in scaled.intervals.values():
        assert low <= high
    assert scaled.intervals["frobenius"] == pytest.approx((3.0, 3.0))
    assert scaled.intervals["erank"] == null.intervals["erank"]
    assert scaled.singular_values[0] == pytest.approx(3 * null.singular_values[0])
    assert null.energy[1][-1] == pytest.approx(1.0)


def test_a_rank_wider_than_the_matrix() -> None:
    assert len(unit_null((6, 40), 16).singular_values[0]) == 6


def test_higher_ranks_need_fewer_draws() -> None:
    assert number_of_draws(1) == 400
    assert number_of_draws(64) == 128
    assert number_of_draws(4096) == 4


@pytest.mark.parametrize("right", [(12, 10, 10), (12, 10, 3)])
def test_kronecker_products_have_a_null_of_their_own(right: tuple[int, int, int]) -> None:
    random = np.random.default_rng(7)
    c, d, width = right
    dense = []
    for _ in range(DRAWS):
        second = random.standard_normal((c, d))
        if width < d:
            second = random.standard_normal((c, width)) @ random.uniform(-1, 1, (width, d))
        product = np.kron(random.standard_normal((4, 3)), second)
        dense.append(np.linalg.svd(product, compute_uv=False)[: 3 * width])
    table = np.array(dense)
    low, high = unit_null((48, 30), 3 * width, ((4, 3, 3), right)).intervals["erank"]
    expected = np.quantile(metrics.erank(table), [0.05, 0.95])
    assert (low, high) == pytest.approx(tuple(expected), rel=0.05)
