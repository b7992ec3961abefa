"""Low-rank factors of a matrix that has none of its own, such as the difference of two models."""

import math
from dataclasses import dataclass

import numpy as np

from core.ranks.metrics import Array
from core.ranks.update import Decomposition

_OVERSAMPLING = 10
_POWER_STEPS = 4
_DENSE_SIDE = 256  # up to here a full decomposition costs less than it saves


@dataclass(frozen=True, eq=False)
class Approximation:
    """The largest components of a dense matrix.

    Attributes:
        part: U, σ and V of at most the rank that was asked for.
        norm: Of the whole matrix, in the Frobenius norm.
        above_noise: How many singular values stand above what noise of the size of the rest would
            make: a hint at the rank, valid only for differences of dense matrices. It is at most
            the number of components that were computed.
    """

    part: Decomposition
    norm: float
    above_noise: int

    @property
    def error(self) -> float:
        """‖D − D_k‖/‖D‖, 0 where D = 0."""
        kept = float((self.part.sigma**2).sum())
        return math.sqrt(max(0.0, 1 - kept / self.norm**2)) if self.norm else 0.0


def approximate(name: str, matrix: Array, rank: int, energy: float = 1.0) -> Approximation:
    """Return the largest components of a matrix (m, n).

    A range finder with power iterations and a fixed seed (Halko, Martinsson and Tropp,
    arXiv:0909.4061, algorithms 4.4 and 5.1): ‖D − D_k‖² is ‖D‖² − Σσ² exactly, whatever it misses.

    Args:
        name: Module name.
        matrix: D, (m, n), float64.
        rank: The most components.
        energy: Share of ‖D‖² that is enough; fewer components may hold it.
    """
    u, sigma, v = _leading(matrix, 3 * rank + _OVERSAMPLING)
    norm = float(np.linalg.norm(matrix))
    above = int((sigma > _noise_edge(matrix.shape, norm, sigma)).sum())
    enough = np.cumsum(sigma**2) >= energy * norm**2 * (1 - 1e-12)
    fewest = int(enough.argmax()) + 1 if enough.any() else len(sigma)
    there = int((sigma > max(matrix.shape) * np.finfo(np.float64).eps * norm).sum())
    k = min(rank, fewest, there)
    return Approximation(Decomposition(name, u[:, :k], sigma[:k], v[:, :k]), norm, above)


def optimal_threshold(ratio: float) -> float:
    """Return λ*(β): σ above λ*·√n·noise are kept (Gavish and Donoho, arXiv:1305.5870, eq. 11).

    Args:
        ratio: β = m/n of an m × n matrix with m ≤ n.
    """
    root = math.sqrt(ratio**2 + 14 * ratio + 1)
    return math.sqrt(2 * (ratio + 1) + 8 * ratio / (ratio + 1 + root))


def _leading(matrix: Array, count: int) -> tuple[Array, Array, Array]:
    """Return u, σ and v of the first `count` components, or of all where that is not many more."""
    small = min(matrix.shape)
    if small <= max(_DENSE_SIDE, 2 * count):
        u, sigma, vt = np.linalg.svd(matrix, full_matrices=False)
        return u, sigma, vt.T
    random = np.random.default_rng([*matrix.shape, count])
    basis = np.linalg.qr(matrix @ random.standard_normal((matrix.shape[1], count)))[0]
    for _ in range(_POWER_STEPS):
        basis = np.linalg.qr(matrix @ np.linalg.qr(matrix.T @ basis)[0])[0]
    inner, sigma, vt = np.linalg.svd(basis.T @ matrix, full_matrices=False)
    return basis @ inner, sigma, vt.T


def _noise_edge(shape: tuple[int, ...], norm: float, sigma: Array) -> float:
    """Return the σ up to which noise alone can come.

    Where all σ are known, ω(β)·median with their cubic for ω (ibid., eq. 5); else λ*(β)·√n·noise,
    with the noise that the components which were not computed leave.
    """
    short, long = sorted(shape)
    ratio = short / long
    if len(sigma) == short:
        omega = 0.56 * ratio**3 - 0.95 * ratio**2 + 1.82 * ratio + 1.43
        return omega * float(np.median(sigma))
    left = max(0.0, norm**2 - float((sigma**2).sum()))
    noise = math.sqrt(left / ((short - len(sigma)) * (long - len(sigma))))
    return optimal_threshold(ratio) * math.sqrt(long) * noise
