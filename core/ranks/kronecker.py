"""ΔW as a Kronecker product, whose singular values need no big matrix.

σ(L ⊗ R) are all products σ_i(L)·σ_j(R) (Horn and Johnson, Topics in Matrix Analysis, 4.2.15).
"""

from dataclasses import dataclass

import numpy as np

from core.ranks.metrics import Array
from core.ranks.update import Update, singular_values

Block = tuple[int, int, int]
"""Rows, columns and width of the factors of one side of the product."""


@dataclass(frozen=True, eq=False)
class KroneckerUpdate:
    """The change ΔW = left ⊗ right of one module; each side is an update in factors.

    A side that is stored as a plain matrix M has the factors M and 1, or 1 and M.
    """

    name: str
    left: Update
    right: Update

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n) of W."""
        (a, b), (c, d) = self.left.shape, self.right.shape
        return a * c, b * d

    @property
    def rank(self) -> int:
        """The highest rank that ΔW can have."""
        return min(*self.left.shape, self.left.rank) * min(*self.right.shape, self.right.rank)

    @property
    def blocks(self) -> tuple[Block, Block]:
        """What its null needs to know of both sides."""
        left, right = self.left, self.right
        return (*left.shape, left.rank), (*right.shape, right.rank)

    @property
    def scaling(self) -> float:
        """The factor before the product of the stored matrices."""
        return self.left.scaling * self.right.scaling

    def singular_values(self) -> Array:
        """Return σ₁ ≥ … of ΔW, `rank` of them."""
        products = np.multiply.outer(singular_values(self.left), singular_values(self.right))
        return np.sort(products, axis=None)[::-1]

    def factors(self) -> Update:
        """Return the same ΔW as B·A; the width is the product of the widths of both sides."""
        b = np.asarray(np.kron(self.left.b, self.right.b), np.float64)
        a = np.asarray(np.kron(self.left.a, self.right.a), np.float64)
        return Update(self.name, b, a, self.scaling)


def plain_matrix(name: str, matrix: Array, scaling: float = 1.0) -> Update:
    """Return a matrix as an update with the narrowest trivial factors."""
    rows, columns = matrix.shape
    if rows <= columns:
        return Update(name, np.eye(rows), matrix, scaling)
    return Update(name, matrix, np.eye(columns), scaling)
