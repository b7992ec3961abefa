"""Numbers that sum up a spectrum.

All functions take singular values σ₁ ≥ … ≥ σ_q ≥ 0 along the last axis and work on any number of
leading axes. With e_i = σ_i², p_i = σ_i/Σσ and q_i = e_i/Σe. A spectrum that is zero throughout
gives 0 everywhere: an untrained adapter is not an error, and never NaN.

"Effective rank" means four different things in public tools, so every number has its own name.
Always 1 ≤ stable rank ≤ participation ratio ≤ erank_energy ≤ erank ≤ q.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Measure = Callable[[ArrayLike], Array]

ENERGY_SHARES = (0.90, 0.95, 0.99)
BASE_SHARES = (0.001, 0.01)
# Sums of equal energies, as in ten ones for a share of 0.9, must not miss the share by rounding.
_ROUNDING = 1e-12


def frobenius(sigma: ArrayLike) -> Array:
    """Return √Σe, the Frobenius norm of ΔW."""
    return np.asarray(spectral(sigma) * np.sqrt(_energies(sigma).sum(-1)))


def spectral(sigma: ArrayLike) -> Array:
    """Return σ₁, the spectral norm of ΔW."""
    return np.asarray(np.asarray(sigma, np.float64)[..., 0])


def nuclear(sigma: ArrayLike) -> Array:
    """Return Σσ, the nuclear norm of ΔW."""
    return np.asarray(np.asarray(sigma, np.float64).sum(-1))


def stable_rank(sigma: ArrayLike) -> Array:
    """Return Σe/σ₁²."""
    return np.asarray(_energies(sigma).sum(-1))


def participation_ratio(sigma: ArrayLike) -> Array:
    """Return (Σe)²/Σe²."""
    energies = _energies(sigma)
    return _divide(energies.sum(-1) ** 2, (energies**2).sum(-1))


def erank(sigma: ArrayLike) -> Array:
    """Return exp(−Σ p ln p), the effective rank of Roy and Vetterli (EUSIPCO 2007)."""
    return _exp_entropy(_relative(sigma))


def erank_energy(sigma: ArrayLike) -> Array:
    """Return exp(−Σ q ln q): as `erank`, but of the energies σ², so less swayed by the tail."""
    return _exp_entropy(_energies(sigma))


def top_share(sigma: ArrayLike) -> Array:
    """Return e₁/Σe, the share of the energy in the strongest direction."""
    return _divide(_energies(sigma)[..., 0], _energies(sigma).sum(-1))


def dominance(sigma: ArrayLike) -> Array:
    """Return σ₁/σ₂, or 0 where there is no second direction."""
    relative = _relative(sigma)
    second = relative[..., 1] if relative.shape[-1] > 1 else np.zeros(relative.shape[:-1])
    return _divide(relative[..., 0], second)


def cumulative_energy(sigma: ArrayLike) -> Array:
    """Return Σ_{i≤k} e_i / Σe for k = 1 … q."""
    sums = np.cumsum(_energies(sigma), axis=-1)
    return _divide(sums, sums[..., -1:])


def energy_rank(sigma: ArrayLike, share: float) -> NDArray[np.int64]:
    """Return the smallest k that keeps `share` of the energy; 0 for a zero spectrum.

    The same rule as PEFT's conversion by a threshold: energies are σ², not σ.
    """
    cumulative = cumulative_energy(sigma)
    ranks = (cumulative < share - _ROUNDING).sum(-1) + 1
    return np.where(cumulative[..., -1] > 0, ranks, 0)


def nuclear_rank(sigma: ArrayLike, share: float) -> NDArray[np.int64]:
    """Return the smallest k that keeps `share` of Σσ; 0 for a zero spectrum.

    kohya's `sv_cumulative` goes by this sum; it asks for more directions than the energy does.
    """
    relative = _relative(sigma)
    sums = np.cumsum(relative, axis=-1)
    ranks = (_divide(sums, sums[..., -1:]) < share - _ROUNDING).sum(-1) + 1
    return np.where(relative[..., 0] > 0, ranks, 0)


def base_rank(sigma: ArrayLike, share: float, base_norm: float) -> NDArray[np.int64]:
    """Return how many σ are above `share` of ‖W₀‖; 0 for a layer that hardly changed."""
    return np.asarray((np.asarray(sigma, np.float64) > share * base_norm).sum(-1))


def truncation_error(sigma: ArrayLike) -> Array:
    """Return ‖ΔW − ΔW_k‖/‖ΔW‖ in the Frobenius norm for k = 0 … q."""
    energies = _energies(sigma)
    left = np.cumsum(energies[..., ::-1], axis=-1)[..., ::-1]
    left = np.concatenate([left, np.zeros((*left.shape[:-1], 1))], axis=-1)
    return np.sqrt(_divide(left, left[..., :1]))


NORMS: Mapping[str, Measure] = {
    "frobenius": frobenius,
    "spectral": spectral,
    "nuclear": nuclear,
}
RATIOS: Mapping[str, Measure] = {
    "stable_rank": stable_rank,
    "participation_ratio": participation_ratio,
    "erank": erank,
    "erank_energy": erank_energy,
    "top_share": top_share,
    "dominance": dominance,
}


def _relative(sigma: ArrayLike) -> Array:
    """Return σ/σ₁, so that squares neither overflow nor vanish."""
    values = np.asarray(sigma, np.float64)
    return _divide(values, values[..., :1])


def _energies(sigma: ArrayLike) -> Array:
    """Return e/e₁."""
    return _relative(sigma) ** 2


def _exp_entropy(weights: Array) -> Array:
    shares = _divide(weights, weights.sum(-1, keepdims=True))
    logs = np.log(np.where(shares > 0, shares, 1.0))
    return np.where(shares[..., 0] > 0, np.exp(-(shares * logs).sum(-1)), 0.0)


def _divide(part: Array, whole: Array) -> Array:
    """Return part/whole, and 0 where whole is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
