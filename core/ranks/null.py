"""What the numbers of a spectrum would be by chance.

A random update B·A of rank r has no stable rank of r: for r = 128 it is about 0.45·r, so a number
says nothing without this company. The null is a Gaussian B and an A as LoRA starts it (Kaiming
uniform), scaled to the Frobenius norm of the measured update.

σ(B·A) depends on the triangular factors R_B and R_A alone, and those can be drawn directly
(Bartlett's decomposition), so that a draw costs O(r³) whatever the shape of W. The entries of A
are uniform: their fourth moment 9/5 makes the squared length of a row of A vary as 4n/5, where
Gaussian entries would give 2n; the lengths are corrected for that.

The null of a Kronecker product (LoKr) is the product of two random matrices of the same shapes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.ranks import metrics
from core.ranks.kronecker import Block
from core.ranks.metrics import Array

SEED = 20260822
LOW, HIGH = 0.05, 0.95

Interval = tuple[float, float]


@dataclass(frozen=True)
class Null:
    """The 5 to 95 % interval of each number over random updates of equal norm.

    Attributes:
        draws: Random updates behind the intervals.
        singular_values: Lower and upper curve over the components, each (q,).
        energy: Lower and upper curve of the cumulative energy, each (q,).
        intervals: By the names of `metrics.NORMS` and `metrics.RATIOS`.
        energy_rank, nuclear_rank: By share, as in "0.95".
    """

    draws: int
    singular_values: tuple[Array, Array]
    energy: tuple[Array, Array]
    intervals: dict[str, Interval]
    energy_rank: dict[str, tuple[int, int]]
    nuclear_rank: dict[str, tuple[int, int]]

    def scaled(self, norm: float) -> "Null":
        """Return the same for updates whose Frobenius norm is `norm` instead of 1."""
        low, high = self.singular_values
        norms = {
            name: (self.intervals[name][0] * norm, self.intervals[name][1] * norm)
            for name in metrics.NORMS
        }
        return Null(
            draws=self.draws,
            singular_values=(low * norm, high * norm),
            energy=self.energy,
            intervals={**self.intervals, **norms},
            energy_rank=self.energy_rank,
            nuclear_rank=self.nuclear_rank,
        )


@lru_cache(maxsize=512)
def unit_null(shape: tuple[int, int], rank: int, blocks: tuple[Block, ...] = ()) -> Null:
    """Return the null for W of `shape` (m, n) and ΔW of norm 1; the same numbers every time.

    Args:
        shape: Of W.
        rank: Width of B and A.
        blocks: The two sides, where ΔW is a Kronecker product; their ranks count then.
    """
    draws = number_of_draws(max((min(block) for block in blocks), default=rank))
    random = np.random.default_rng([SEED, *shape, rank, *np.ravel(blocks).astype(int)])
    if blocks:
        sigma = _draw_products(blocks, draws, random)
    else:
        sigma = draw_spectra(shape, rank, draws, random)
    sigma /= metrics.frobenius(sigma)[:, None]
    measures = {**metrics.NORMS, **metrics.RATIOS}
    low, high = _band(sigma)
    return Null(
        draws=draws,
        singular_values=(low, high),
        energy=_band(metrics.cumulative_energy(sigma)),
        intervals={name: _interval(measure(sigma)) for name, measure in measures.items()},
        energy_rank=_by_share(metrics.energy_rank, sigma),
        nuclear_rank=_by_share(metrics.nuclear_rank, sigma),
    )


def number_of_draws(rank: int) -> int:
    """Return fewer draws for a higher rank: they cost more and vary less."""
    return int(np.clip(2**19 // rank**2, 4, 400))


def draw_spectra(
    shape: tuple[int, int], rank: int, draws: int, random: np.random.Generator
) -> Array:
    """Return singular values (draws, min(m, n, r)) of random B·A, up to a common factor."""
    factor_b = triangular(random, draws, (shape[0], rank))
    factor_a = triangular(random, draws, (shape[1], rank))
    columns = shape[1]
    lengths = random.normal(columns, np.sqrt(0.8 * columns), (draws, 1, rank))
    lengths = np.sqrt(np.maximum(lengths, 0.05 * columns))
    factor_a *= lengths / np.linalg.norm(factor_a, axis=1, keepdims=True)
    sigma = np.linalg.svd(factor_b @ factor_a.transpose(0, 2, 1), compute_uv=False)
    return np.asarray(sigma)[:, : min(*shape, rank)]


def _draw_products(blocks: tuple[Block, ...], draws: int, random: np.random.Generator) -> Array:
    """Return singular values of random Kronecker products, (draws, all products)."""
    products = np.ones((draws, 1))
    for rows, columns, width in blocks:
        if width < min(rows, columns):
            sigma = draw_spectra((rows, columns), width, draws, random)
        else:
            tall = max(rows, columns), min(rows, columns)
            sigma = np.asarray(np.linalg.svd(triangular(random, draws, tall), compute_uv=False))
        products = np.einsum("di,dj->dij", products, sigma).reshape(draws, -1)
    return np.sort(products, axis=1)[:, ::-1]


def triangular(random: np.random.Generator, draws: int, shape: tuple[int, int]) -> Array:
    """Return R of the QR of Gaussian matrices of `shape`, (draws, min(shape), columns)."""
    rows, columns = shape
    height = min(rows, columns)
    factor = np.triu(random.standard_normal((draws, height, columns)), 1)
    degrees = rows - np.arange(height)
    factor[:, np.arange(height), np.arange(height)] = np.sqrt(
        random.chisquare(degrees, (draws, height))
    )
    return factor


def _band(curves: Array) -> tuple[Array, Array]:
    low, high = np.quantile(curves, [LOW, HIGH], axis=0)
    return low, high


def _interval(values: Array) -> Interval:
    low, high = np.quantile(values, [LOW, HIGH])
    return float(low), float(high)


def _by_share(
    measure: Callable[[Array, float], np.ndarray], sigma: Array
) -> dict[str, tuple[int, int]]:
    shares = metrics.ENERGY_SHARES
    return {f"{share:.2f}": _whole_interval(measure(sigma, share)) for share in shares}


def _whole_interval(values: np.ndarray) -> tuple[int, int]:
    low, high = np.quantile(values, [LOW, HIGH], method="nearest")
    return int(low), int(high)
