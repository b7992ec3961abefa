"""Algorithm G: singular values from two small products, cheap enough to follow training.

With G = A·Aᵀ and H = Bᵀ·B (both r × r), σ² are the eigenvalues of G^½·H·G^½. The products can be
taken where the factors are, and r × r numbers are all that leaves a GPU. Squaring costs digits:
below the floor σ/σ₁ the values are rounding, and are marked so. Algorithm R (`core.ranks.update`)
has no such floor and is used for all that is kept or exported.
"""

import numpy as np

from core.ranks.metrics import Array

FLOOR = {"float64": 1e-7, "float32": 1e-3}
"""σ/σ₁ down to which G is good, by the number type of the products."""


def gram_singular_values(g: Array, h: Array, scaling: Array) -> Array:
    """Return σ₁ ≥ … of many updates of one rank, (modules, r), in float64.

    Args:
        g: A·Aᵀ, (modules, r, r).
        h: Bᵀ·B, (modules, r, r).
        scaling: s, (modules,).
    """
    values, vectors = np.linalg.eigh(g)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]) @ vectors.transpose(0, 2, 1)
    squares = np.linalg.eigvalsh(root @ h @ root)[:, ::-1]
    return np.asarray(np.abs(scaling)[:, None] * np.sqrt(np.maximum(squares, 0.0)))
