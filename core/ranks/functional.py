"""How the user's own rows use an update: its functional spectrum, and the sensitivity of its parts.

With the inputs x of a module and C = E[xxᵀ], E‖ΔW·x‖² = Σσ_i(ΔW·C^½)². Since z = A·x is computed
anyway, G = E[zzᵀ] (r × r) suffices: σ(ΔW·C^½) = |s|·σ(R_B·G^½), with R_B from B = Q_B·R_B.

The sensitivity of component k is g_k = u_kᵀ·(∂L/∂ΔW)·v_k: how the loss would begin to change if
σ_k did. It is not the change of loss when a component is left out; only the truncation-loss curve
tells that.
"""

from functools import cached_property
from typing import Self

import numpy as np

from core.ranks import metrics
from core.ranks.evidence import Evidence, Numbers
from core.ranks.metrics import Array
from core.ranks.null import HIGH, LOW, SEED, number_of_draws, triangular
from core.ranks.update import Update


class FunctionalSpectrum(Evidence):
    """One module.

    Attributes:
        name: Module name in the base model.
        shape: (out, in) of W.
        sigma: σ₁ ≥ … of ΔW, (q,).
        functional: σ(ΔW·C^½), descending, (q,): root mean square of the change of the output, per
            direction.
        energies: E‖σ_k·u_k·v_kᵀx‖² of each component of ΔW, in the order of `sigma`, (q,).
        null_low, null_high: The 5 and the 95 % of `functional` for random B and A on the same
            rows, scaled to the same E‖ΔW·x‖², (q,).
        null_erank: The same of their effective rank.
        sensitivity: g_k averaged over `FunctionalSpectra.batches`, (q,), in nats per token.
        sensitivity_error: One standard error of it, (q,).
    """

    name: str
    shape: tuple[int, int]
    sigma: Numbers
    functional: Numbers
    energies: Numbers
    null_low: Numbers
    null_high: Numbers
    null_erank: tuple[float, float]
    sensitivity: Numbers
    sensitivity_error: Numbers

    @classmethod
    def of(cls, update: Update, gram: Array, null: Array, slopes: tuple[Array, Array]) -> Self:
        """Return the spectrum of an update in the gauge B = U·diag(σ), A = Vᵀ.

        Args:
            update: ΔW in that gauge, scaling 1.
            gram: E[zzᵀ] of z = Vᵀx, (q, q).
            null: Spectra by chance (see `functional_null`), (draws, q).
            slopes: g_k and its standard error, (q,) each.
        """
        sigma = np.linalg.norm(update.b, axis=0)
        functional = functional_values(update, gram)
        low, high = np.quantile(null, [LOW, HIGH], axis=0) * metrics.frobenius(functional)
        erank_low, erank_high = np.quantile(metrics.erank(null), [LOW, HIGH])
        return cls(
            name=update.name,
            shape=update.shape,
            sigma=sigma,
            functional=functional,
            energies=sigma**2 * np.diag(gram),
            null_low=low,
            null_high=high,
            null_erank=(float(erank_low), float(erank_high)),
            sensitivity=slopes[0],
            sensitivity_error=slopes[1],
        )

    @cached_property
    def erank(self) -> float:
        """Effective rank (Roy and Vetterli) of the functional spectrum."""
        return float(metrics.erank(self.functional))

    def energy_rank(self, share: float = 0.95) -> int:
        """Return how many functional directions hold that share of E‖ΔW·x‖²."""
        return int(metrics.energy_rank(self.functional, share))

    @property
    def is_even(self) -> bool:
        """True where the data use the directions at least as evenly as chance would."""
        return self.erank >= self.null_erank[0]


class FunctionalSpectra(Evidence):
    """All modules of one adapter.

    Attributes:
        tokens: Tokens x behind E[xxᵀ].
        batches: Batches behind the sensitivities.
    """

    modules: tuple[FunctionalSpectrum, ...]
    tokens: int
    batches: int

    @cached_property
    def by_name(self) -> dict[str, FunctionalSpectrum]:
        """Modules by name."""
        return {module.name: module for module in self.modules}

    @property
    def uses_its_rank(self) -> bool:
        """True where at least half of the modules use their directions as evenly as chance."""
        return 2 * sum(module.is_even for module in self.modules) >= len(self.modules)


def functional_values(update: Update, gram: Array) -> Array:
    """Return σ(ΔW·C^½), descending, (min(m, n, r),).

    Args:
        update: ΔW in factors.
        gram: G = E[zzᵀ] of z = A·x, (r, r).
    """
    triangle = np.linalg.qr(update.b, mode="r")
    core = abs(update.scaling) * (triangle @ square_root(gram))
    values = np.asarray(np.linalg.svd(core, compute_uv=False))
    return values[: min(*update.shape, update.rank)]


def functional_null(shape: tuple[int, int], gram: Array) -> Array:
    """Return spectra σ(B'·A'·C^½) of random updates of norm 1, (draws, q).

    Args:
        shape: (m, n) of W.
        gram: E[z'z'ᵀ] of z' = A'x for one random A' as LoRA starts it, (q, q); B' is Gaussian.
    """
    rank = len(gram)
    draws = number_of_draws(rank)
    random = np.random.default_rng([SEED, *shape, rank])
    cores = triangular(random, draws, (shape[0], rank)) @ square_root(gram)
    sigma = np.linalg.svd(cores, compute_uv=False)
    norms = metrics.frobenius(sigma)[:, None]
    return np.asarray(np.divide(sigma, norms, out=np.zeros_like(sigma), where=norms > 0))


def square_root(gram: Array) -> Array:
    """Return the symmetric G^½ of a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(gram)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
