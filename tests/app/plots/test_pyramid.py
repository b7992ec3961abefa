"""The pyramid against brute force: nothing is hidden, whatever the series."""

import time

import numpy as np
import pytest

from app.plots.pyramid import Pyramid
from app.plots.smoothing import Smoother


def filled(x: np.ndarray, y: np.ndarray, chunk: int) -> Pyramid:
    pyramid = Pyramid()
    for start in range(0, len(x), chunk):
        pyramid.extend(x[start : start + chunk], y[start : start + chunk])
    return pyramid


@pytest.mark.parametrize("chunk", [1, 7, 5000])
@pytest.mark.parametrize("seed", range(5))
def test_extremes_of_any_stretch(seed: int, chunk: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 3000))
    y = rng.normal(size=n)
    y[rng.random(n) < 0.2] = np.nan
    pyramid = filled(np.arange(n, dtype=float), y, chunk)
    starts = rng.integers(0, n, 200)
    ends = np.minimum(starts + rng.integers(1, n + 1, 200), n)
    low, high = pyramid.extremes(starts, ends)
    for i in range(200):
        part = y[starts[i] : ends[i]]
        expected = (np.nan, np.nan)
        if np.isfinite(part).any():
            expected = (np.nanmin(part), np.nanmax(part))
        np.testing.assert_array_equal((low[i], high[i]), expected)


def test_one_spike_anywhere_is_drawn() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    for position in [0, 1, n // 2, n - 2, n - 1, *rng.integers(0, n, 200)]:
        y = rng.normal(size=n)
        y[rng.random(n) < 0.3] = np.nan
        y[position] = 50.0
        shown_x, shown_y = filled(np.arange(n, dtype=float), y, n).view(0, n, 300)
        assert len(shown_x) <= 600
        assert np.nanmax(shown_y) == 50.0


def test_a_nan_never_blanks_a_column() -> None:
    n = 100_000
    y = np.ones(n)
    y[::3] = np.nan
    _, shown = filled(np.arange(n, dtype=float), y, n).view(0, n, 500)
    assert np.isfinite(shown).all()


def test_few_points_are_drawn_as_they_are() -> None:
    pyramid = Pyramid()
    for i in range(10):
        pyramid.append(i, i * i)
    x, y = pyramid.view(2, 6, 100)
    assert list(x) == [1, 2, 3, 4, 5, 6, 7]
    assert list(y) == [1, 4, 9, 16, 25, 36, 49]


def test_uneven_x_and_zoom() -> None:
    rng = np.random.default_rng(3)
    x = np.cumsum(rng.exponential(size=50_000))
    y = rng.normal(size=50_000)
    pyramid = filled(x, y, 50_000)
    x0, x1 = x[10_000], x[40_000]
    shown_x, shown_y = pyramid.view(x0, x1, 400)
    inside = y[(x >= x0) & (x <= x1)]
    assert shown_y.max() >= inside.max()
    assert shown_y.min() <= inside.min()
    assert (np.diff(shown_x) >= 0).all()
    assert pyramid.limits(x0, x1) == (inside.min(), inside.max())


def test_infinite_counts_as_nothing() -> None:
    pyramid = filled(np.arange(3.0), np.array([1.0, np.inf, 2.0]), 3)
    assert pyramid.limits(0, 3) == (1.0, 2.0)
    assert filled(np.arange(2.0), np.full(2, np.nan), 2).limits(0, 3) is None


@pytest.mark.parametrize("size", [0, 1, 777, 1024, 2999])
def test_cut_then_go_on(size: int) -> None:
    rng = np.random.default_rng(1)
    x, y = np.arange(3000.0), rng.normal(size=3000)
    pyramid = filled(x, y, 3000)
    pyramid.cut(size)
    again = rng.normal(size=3000 - size)
    pyramid.extend(x[size:], again)
    expected = np.concatenate([y[:size], again])
    assert pyramid.limits(0, 3000) == (expected.min(), expected.max())
    np.testing.assert_array_equal(pyramid.view(0, 10, 100)[1], expected[:12])


def test_a_million_points_cost_milliseconds() -> None:
    n = 1_000_000
    y = np.cumsum(np.random.default_rng(0).normal(size=n))
    pyramid = filled(np.arange(n, dtype=float), y, n)
    best = min(_seconds(lambda: pyramid.view(0, n, 1200)) for _ in range(7))
    assert best < 0.02  # 1 to 3 ms on an idle machine
    appends = _seconds(lambda: [pyramid.append(n + i, 0.0) for i in range(1000)])
    assert appends < 0.5


def _seconds(work: object) -> float:
    start = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - start


@pytest.mark.parametrize("chunks", [[1000], [1] * 50 + [950], [256, 257, 487]])
def test_smoother_against_the_plain_recursion(chunks: list[int]) -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=1000)
    values[[0, 10, 500]] = np.nan
    total = weight = 0.0
    expected = []
    for value in values:
        finite = np.isfinite(value)
        total = 0.9 * total + (value if finite else 0.0)
        weight = 0.9 * weight + finite
        expected.append(total / weight if weight else np.nan)
    smoother, got, start = Smoother(0.9), [], 0
    for size in chunks:
        got.append(smoother.extend(values[start : start + size]))
        start += size
    np.testing.assert_allclose(np.concatenate(got), expected, rtol=1e-12)
