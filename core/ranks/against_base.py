"""ΔW beside the weights W₀ that it changes: amplification, place within W₀, intruders."""

from functools import cached_property

import numpy as np

from core.ranks.evidence import Evidence, Numbers
from core.ranks.intruders import THRESHOLD, Intruders, Verdict

_NOTHING = 1e-9  # of ‖W₀‖: a projection that is rounding alone


class AgainstBase(Evidence):
    """One module; U, V are the singular vectors of ΔW = U·diag(σ)·Vᵀ, U₀ and V₀ those of W₀.

    For a run on 4-bit weights W₀ is what they stand for, the matrix that was trained on.

    Attributes:
        shape: (m, n) of W₀.
        update_norm: ‖ΔW‖ (Frobenius).
        base_norm: ‖W₀‖ (Frobenius).
        sigma: σ of ΔW, (q,).
        base_sigma: The first K singular values of W₀, (K,).
        projection: ‖U_kᵀ·W₀·V_k‖ for k = 1 … q, (q,).
        outputs: Share of ‖ΔW‖² in the first j left singular vectors of W₀, j = 1 … K, (K,).
        inputs: The same in the right singular vectors, (K,).
        reweighted: Share of ‖ΔW‖² on the diagonal of U₀ᵀ·ΔW·V₀, in its first j places, (K,): what
            makes directions of W₀ stronger or weaker. The rest rewires inputs to other outputs.
        intruders: The first singular vectors of W₀+ΔW.
    """

    name: str
    shape: tuple[int, int]
    update_norm: float
    base_norm: float
    sigma: Numbers
    base_sigma: Numbers
    projection: Numbers
    outputs: Numbers
    inputs: Numbers
    reweighted: Numbers
    intruders: Intruders

    @property
    def rank(self) -> int:
        """The number of components that are not zero, 0 while untrained."""
        return int((self.sigma > self.sigma[0] * 1e-12).sum()) if self.sigma[0] > 0 else 0

    def amplification(self, k: int) -> float | None:
        """Return ‖ΔW‖ / ‖U_kᵀ·W₀·V_k‖ (LoRA paper, §7.3), None where it is not defined.

        It is not where W₀ has nothing in the directions of ΔW, or ΔW has fewer than k.
        """
        if not 1 <= k <= self.rank or self.projection[k - 1] <= _NOTHING * self.base_norm:
            return None
        return self.update_norm / float(self.projection[k - 1])

    def alignment(self, k: int) -> float | None:
        """Return ‖U_kᵀ·W₀·V_k‖ over what random directions would give, ‖W₀‖·k/√(mn)."""
        if not 1 <= k <= self.rank or self.base_norm == 0:
            return None
        by_chance = self.base_norm * k / float(np.sqrt(np.prod(self.shape, dtype=np.float64)))
        return float(self.projection[k - 1]) / by_chance

    def ceiling(self, k: int) -> float | None:
        """Return √Σσ_i(W₀)² over i ≤ k, the most that ‖U_kᵀ·W₀·V_k‖ can be; None beyond K."""
        if not 1 <= k <= len(self.base_sigma):
            return None
        return float(np.sqrt((self.base_sigma[:k] ** 2).sum()))


class BaseComparison(Evidence):
    """All modules of one adapter.

    Attributes:
        bits: Of the weights that were compared with.
    """

    modules: tuple[AgainstBase, ...]
    bits: int = 16

    @cached_property
    def by_name(self) -> dict[str, AgainstBase]:
        """Modules by name."""
        return {module.name: module for module in self.modules}

    def count(self, verdict: Verdict, threshold: float = THRESHOLD) -> int:
        """Return how many vectors of all modules have that verdict."""
        return sum(module.intruders.count(verdict, threshold) for module in self.modules)
