"""Making intruder dimensions weaker without training, and capping singular values.

W' = W + (λ − 1)·Σ u_i·σ_i·v_iᵀ over the intruders of the tuned W (Shuttleworth et al.,
arXiv:2410.21228). The change belongs to the adapter: ΔW' = ΔW + (λ − 1)·Σ u_i·σ_i·v_iᵀ has up to
as many more components as there are intruders. They are added exactly, then ΔW' is refitted to the
rank of ΔW; what the refit leaves behind is told.
"""

from dataclasses import dataclass

import numpy as np

from core.ranks.update import Decomposition, Update, decompose


@dataclass(frozen=True, eq=False)
class Damped:
    """A damped update.

    Attributes:
        exact: ΔW', with all its components.
        refitted: The best approximation of it that has the rank of ΔW.
        residual: ‖ΔW' − refitted‖ / ‖ΔW‖; 0 where the intruders lie within ΔW.
        intruders: How many directions were damped.
    """

    exact: Decomposition
    refitted: Decomposition
    residual: float
    intruders: int


def damp(part: Decomposition, intruders: Decomposition, strength: float) -> Damped:
    """Return ΔW with the intruders of W₀+ΔW at a share of their size.

    Args:
        part: ΔW, of rank q.
        intruders: Those of the singular vectors of W₀+ΔW that are to be damped, c of them.
        strength: λ; 1 leaves them as they are, 0 takes them out.
    """
    change = intruders.u * (intruders.sigma * (strength - 1))
    b = np.concatenate([part.u * part.sigma, change], axis=1)
    a = np.concatenate([part.v, intruders.v], axis=1).T
    exact = decompose(Update(part.name, b, a))
    rank = len(part.sigma)
    norm = float(np.linalg.norm(part.sigma))
    left = float(np.linalg.norm(exact.sigma[rank:]))
    residual = left / norm if norm else 0.0
    return Damped(exact, exact.keep(rank), residual, len(intruders.sigma))


def cap(part: Decomposition, largest: float) -> Decomposition:
    """Return ΔW with no singular value above `largest`."""
    return Decomposition(part.name, part.u, np.minimum(part.sigma, largest), part.v)
