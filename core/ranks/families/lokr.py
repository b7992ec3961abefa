"""LoKr (LyCORIS, arXiv:2309.14859): the Kronecker product of a small and a larger matrix."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from core.ranks.families.base import FAMILIES, Change, Description, StoredModule
from core.ranks.kronecker import KroneckerUpdate, plain_matrix
from core.ranks.update import Update


@FAMILIES.register("lokr")
class LoKr:
    """ΔW = s·(w₁ ⊗ w₂); each of the two is a matrix, or the product of two factors."""

    title: ClassVar[str] = "LoKr"
    own: ClassVar[frozenset[str]] = frozenset(
        {"lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"}
    )
    also: ClassVar[frozenset[str]] = frozenset({"magnitude", "alpha"})

    @staticmethod
    def changes(module: StoredModule, description: Description) -> Iterator[Change]:
        """Yield ΔW of the module."""
        left, right = _side(module, "lokr_w1"), _side(module, "lokr_w2")
        widths = [s.rank for s, p in ((left, "lokr_w1"), (right, "lokr_w2")) if p not in module]
        scaling = description.scaling(module, widths[0] if widths else 0)
        if len(set(widths)) > 1:
            raise module.misfit("lokr_w1_a", "lokr_w2_a")
        yield KroneckerUpdate(module.name, left, Update(right.name, right.b, right.a, scaling))


def _side(module: StoredModule, part: str) -> Update:
    """Return w₁ or w₂; that of a convolution is flattened to (out, in·k·k)."""
    if part in module:
        if f"{part}_a" in module or f"{part}_b" in module:
            raise module.misfit(part, f"{part}_a" if f"{part}_a" in module else f"{part}_b")
        whole = module.flat(part) if part == "lokr_w2" else module.matrix(part)
        return plain_matrix(part, whole)
    out, inputs, core = f"{part}_a", f"{part}_b", "lokr_t2"
    module.require(out, inputs)
    b, a = module.matrix(out), module.matrix(inputs)
    if part == "lokr_w2" and core in module:  # Tucker form: (r, out), (r, in) and (r, r, k, k)
        kernel = module.tensor(core)
        if kernel.ndim < 3 or kernel.shape[:2] != (b.shape[0], a.shape[0]):
            raise module.misfit(core, out, inputs)
        return Update(part, b.T, np.einsum("ij...,jc->ic...", kernel, a).reshape(b.shape[0], -1))
    if b.shape[1] != a.shape[0]:
        raise module.misfit(out, inputs)
    return Update(part, b, a)
