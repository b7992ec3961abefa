"""ΔW of one module with what its base model adds: relative size, and the lengths of DoRA."""

from dataclasses import dataclass

import numpy as np

from core.ranks.base_weights import BaseWeights
from core.ranks.dora import DoraSplit, read_magnitude, split
from core.ranks.families import Change, ScaleVector, StoredModule
from core.ranks.update import Update


@dataclass(frozen=True, eq=False)
class Measured:
    """A change; for DoRA its directional part.

    Attributes:
        base_norm: ‖W₀‖ in the Frobenius norm, or 0 where the base model is not at hand.
    """

    change: Change
    base_norm: float = 0.0
    dora: DoraSplit | None = None


def measured(module: StoredModule, change: Change, weights: BaseWeights | None) -> Measured:
    """Return a change with what the base model adds, if it is at hand.

    Raises:
        UserError: The lengths of DoRA fit no side of W, or the base has no such matrix.
    """
    if isinstance(change, ScaleVector):
        return Measured(change)
    lengths = read_magnitude(module, change.shape) if "magnitude" in module else None
    if weights is None:
        return Measured(change)
    w0 = weights.get(change.name, change.shape)
    if w0 is None:
        return Measured(change)
    norm = float(np.linalg.norm(w0))
    if lengths is None or not isinstance(change, Update):
        return Measured(change, norm)
    parts = split(change, lengths, w0)
    return Measured(parts.directional, norm, parts)
