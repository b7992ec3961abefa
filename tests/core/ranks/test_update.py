"""Updates in factors against dense matrices."""

import numpy as np
import pytest

from core.ranks import Update, concatenate, decompose, singular_values
from core.ranks.update import change_since


def update(m: int = 30, n: int = 20, r: int = 6, seed: int = 0, scaling: float = -0.7) -> Update:
    random = np.random.default_rng([seed, m, n, r])
    return Update("x", random.standard_normal((m, r)), random.standard_normal((r, n)), scaling)


def dense(of: Update) -> np.ndarray:
    return of.scaling * (of.b @ of.a)


@pytest.mark.parametrize(("m", "n", "r"), [(1000, 40, 3), (5000, 700, 16), (40, 1000, 5)])
def test_tall_factors_go_in_blocks(m: int, n: int, r: int) -> None:
    one = update(m, n, r)
    expected = np.linalg.svd(dense(one), compute_uv=False)[:r]
    assert np.abs(singular_values(one) - expected).max() <= 1e-12 * expected[0]


def test_blocks_keep_small_singular_values() -> None:
    """Householder in every block: σ/σ₁ = 1e-12 survives, where Gram products lose 1e-7."""
    sigma = 10.0 ** -np.arange(0, 13, 2.0)
    u = np.linalg.qr(np.random.default_rng(0).standard_normal((3000, len(sigma))))[0]
    v = np.linalg.qr(np.random.default_rng(1).standard_normal((900, len(sigma))))[0]
    found = singular_values(Update("x", u * sigma, v.T))
    assert np.abs(found / sigma - 1).max() < 1e-3
    assert np.abs(found / sigma - 1)[:4].max() < 1e-9


def test_keeping_k_directions_is_the_best_approximation() -> None:
    """Eckart and Young: the error is √Σ_{i>k} σ² for every k."""
    one = update()
    parts = decompose(one)
    for k in range(7):
        kept = parts.keep(k)
        error = np.linalg.norm(dense(one) - (kept.u * kept.sigma) @ kept.v.T)
        assert error == pytest.approx(np.linalg.norm(parts.sigma[k:]), abs=1e-12)
    assert dense(parts.balanced()) == pytest.approx(dense(one), abs=1e-12)


def test_sums_are_exact() -> None:
    one, other = update(), update(r=4, seed=1, scaling=2.0)
    whole = concatenate([one, other], [0.5, -3.0])
    assert dense(whole) == pytest.approx(0.5 * dense(one) - 3 * dense(other), abs=1e-12)
    assert whole.rank == 10


def test_one_adapter_at_weight_one_is_itself() -> None:
    one = update()
    assert singular_values(concatenate([one])) == pytest.approx(singular_values(one), rel=1e-13)


@pytest.mark.parametrize("rank", [6, 4])
def test_change_since_the_start(rank: int) -> None:
    start, end = update(r=rank), update(seed=3)
    expected = dense(end) - dense(start)
    assert dense(change_since(end, start)) == pytest.approx(expected, abs=1e-12)


def test_a_small_change_loses_no_digits() -> None:
    """s·B·A − s·B₀·A₀ would leave 1e-4 of a change of 1e-12."""
    start = update()
    step = 1e-12 * np.random.default_rng(5).standard_normal(start.b.shape)
    moved = start.b + step
    change = change_since(Update("x", moved, start.a, start.scaling), start)
    expected = np.linalg.svd(start.scaling * (moved - start.b) @ start.a, compute_uv=False)[:6]
    assert singular_values(change)[:6] == pytest.approx(expected, rel=1e-9)
    assert singular_values(change_since(start, start)).tolist() == [0.0] * 12
