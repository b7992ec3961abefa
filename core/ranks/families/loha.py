"""LoHa (arXiv:2108.06098, LyCORIS 2309.14859): the elementwise product of two low-rank matrices."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from core.ranks.families.base import FAMILIES, Change, Description, StoredModule
from core.ranks.metrics import Array
from core.ranks.update import Update

_SIDES = (("hada_w1_a", "hada_w1_b", "hada_t1"), ("hada_w2_a", "hada_w2_b", "hada_t2"))


@FAMILIES.register("loha")
class LoHa:
    """ΔW = s·(a₁·b₁) ⊙ (a₂·b₂), exactly in factors of width r₁·r₂ (Khatri-Rao products)."""

    title: ClassVar[str] = "LoHa"
    own: ClassVar[frozenset[str]] = frozenset(part for side in _SIDES for part in side)
    also: ClassVar[frozenset[str]] = frozenset({"magnitude", "alpha"})

    @staticmethod
    def changes(module: StoredModule, description: Description) -> Iterator[Change]:
        """Yield ΔW of the module."""
        (a1, b1), (a2, b2) = (_factors(module, *side) for side in _SIDES)
        if a1.shape[0] != a2.shape[0] or b1.shape[1] != b2.shape[1]:
            raise module.misfit("hada_w1_a", "hada_w2_a", "hada_w1_b", "hada_w2_b")
        b = (a1[:, :, None] * a2[:, None, :]).reshape(a1.shape[0], -1)
        a = (b1[:, None, :] * b2[None, :, :]).reshape(-1, b1.shape[1])
        yield Update(module.name, b, a, description.scaling(module, a1.shape[1]))


def _factors(module: StoredModule, out: str, inputs: str, core: str) -> tuple[Array, Array]:
    """Return one of the two matrices as (out, r) and (r, in); Tucker forms are (r, out)."""
    module.require(out, inputs)
    a, b = module.matrix(out), module.matrix(inputs)
    if core in module:
        kernel = module.tensor(core)  # (r, r, k, k)
        if kernel.ndim < 3 or kernel.shape[:2] != (a.shape[0], b.shape[0]):
            raise module.misfit(core, out, inputs)
        return a.T, np.einsum("ij...,jc->ic...", kernel, b).reshape(a.shape[0], -1)
    if a.shape[1] != b.shape[0]:
        raise module.misfit(out, inputs)
    return a, b
