"""One adapter against another: how far they point the same way, module by module.

Everything follows from matrices of r × r, whatever the size of W.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from core.errors import UserError
from core.ranks.actions.draft import Draft
from core.ranks.actions.together import together
from core.ranks.metrics import Array
from core.ranks.spectra import place_of
from core.ranks.update import Decomposition, Update, concatenate, decompose, singular_values

Side = Literal["inputs", "outputs", "A"]
"""Which directions: v of ΔW, u of ΔW, or the right singular vectors of A alone as in the paper."""
SIDES: tuple[Side, ...] = get_args(Side)

_SAME_START = 0.1  # correlation of two A; between independent ones it is 1/√(r·n), some hundredths
_SURE = 6  # in units of that


@dataclass(frozen=True, eq=False)
class Subspaces:
    """The directions of two updates on one side.

    Attributes:
        similarity: φ(i, j) = ‖X₁ᵢᵀX₂ⱼ‖²/min(i, j) for the first i and the first j directions (Hu et
            al., arXiv:2106.09685, eq. 4), from 0 to 1, (q₁, q₂).
        null: What random directions would give, max(i, j)/n, (q₁, q₂).
        angles: Between the two spaces, in radians, ascending, (min(q₁, q₂),).
    """

    similarity: Array
    null: Array
    angles: Array

    @classmethod
    def of(cls, first: Array, second: Array) -> "Subspaces":
        """Return the comparison of orthonormal columns, (n, q₁) and (n, q₂)."""
        cosines = first.T @ second
        sums = np.cumsum(np.cumsum(cosines**2, axis=0), axis=1)
        i, j = (1 + np.arange(size) for size in cosines.shape)
        smaller = np.minimum(i[:, None], j)
        null = np.maximum(i[:, None], j) / len(first)
        values = np.linalg.svd(cosines, compute_uv=False)
        return cls(sums / smaller, null, np.arccos(np.clip(values, 0, 1)))


@dataclass(frozen=True, eq=False)
class ModuleComparison:
    """ΔW₁ against ΔW₂ of one module.

    Attributes:
        ranks: r₁ and r₂.
        inner: ⟨ΔW₁, ΔW₂⟩, the sum of products of all entries.
        norms: Frobenius norms.
        difference: Singular values of ΔW₁ − ΔW₂, (min(m, n, r₁ + r₂),).
        subspaces: By side; without the directions that an update does not have (σ = 0).
        start: Correlation of the entries of A₁ and A₂, 0 where their shapes differ.
    """

    name: str
    shape: tuple[int, int]
    ranks: tuple[int, int]
    inner: float
    norms: tuple[float, float]
    difference: Array
    subspaces: Mapping[Side, Subspaces]
    start: float

    @property
    def cosine(self) -> float:
        """⟨ΔW₁, ΔW₂⟩/(‖ΔW₁‖·‖ΔW₂‖), 0 where one is zero."""
        product = self.norms[0] * self.norms[1]
        return self.inner / product if product else 0.0

    @property
    def norm_ratio(self) -> float | None:
        """‖ΔW₂‖/‖ΔW₁‖, None where ΔW₁ = 0."""
        return self.norms[1] / self.norms[0] if self.norms[0] else None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two adapters, side by side.

    Attributes:
        names: Of both, for people.
        modules: Those that both have, by layer, and in a layer as the data flow.
        only: Modules that the first or the second has alone.
        warnings: What makes the numbers mean less than they seem to.
    """

    names: tuple[str, str]
    modules: tuple[ModuleComparison, ...]
    only: tuple[tuple[str, ...], tuple[str, ...]]
    warnings: tuple[str, ...]

    @property
    def cosine(self) -> float:
        """The cosine over all common modules together, 0 where one adapter is zero."""
        first, second = (sum(m.norms[side] ** 2 for m in self.modules) for side in (0, 1))
        inner = sum(module.inner for module in self.modules)
        return inner / np.sqrt(first * second) if first * second else 0.0


def compare(first: Draft, second: Draft) -> Comparison:
    """Compare two adapters of the same base model.

    Raises:
        UserError: They have no module in common, or a common one has two shapes.
    """
    return assemble(first, second, tuple(compare_modules(first, second)))


def compare_modules(first: Draft, second: Draft) -> Iterator[ModuleComparison]:
    """Compare module by module, so that a window can stay alive in between.

    Raises:
        UserError: A common module has two shapes.
    """
    for one, other in together((first, second)):
        if one and other:
            yield _module(one, other)


def assemble(first: Draft, second: Draft, modules: tuple[ModuleComparison, ...]) -> Comparison:
    """Return the whole from all modules that `compare_modules` gave.

    Raises:
        UserError: There are none.
    """
    if not modules:
        raise UserError(
            f"{first.name} and {second.name} have no module in common.",
            f"The first adapts {first.slots[0].name}, the second {second.slots[0].name}.",
        )
    common = {module.name for module in modules}
    only = tuple(
        tuple(slot.name for slot in draft.slots if slot.name not in common)
        for draft in (first, second)
    )
    return Comparison(
        names=(first.name, second.name),
        modules=tuple(sorted(modules, key=lambda module: place_of(module.name))),
        only=(only[0], only[1]),
        warnings=(*_about_bases(first, second), *_about_start(modules)),
    )


def inner_product(first: Update, second: Update) -> float:
    """Return ⟨ΔW₁, ΔW₂⟩ = s₁·s₂·tr((B₁ᵀB₂)(A₂A₁ᵀ))."""
    products = (first.b.T @ second.b) * (first.a @ second.a.T)
    return float(first.scaling * second.scaling * products.sum())


def _module(first: Update, second: Update) -> ModuleComparison:
    one, other = decompose(first), decompose(second)
    u1, v1 = _directions(one)
    u2, v2 = _directions(other)
    return ModuleComparison(
        name=first.name,
        shape=first.shape,
        ranks=(first.rank, second.rank),
        inner=inner_product(first, second),
        norms=(float(np.linalg.norm(one.sigma)), float(np.linalg.norm(other.sigma))),
        difference=singular_values(concatenate([first, second], [1.0, -1.0])),
        subspaces={
            "inputs": Subspaces.of(v1, v2),
            "outputs": Subspaces.of(u1, u2),
            "A": Subspaces.of(_rows(first.a), _rows(second.a)),
        },
        start=_correlation(first.a, second.a),
    )


def _directions(part: Decomposition) -> tuple[Array, Array]:
    """Return the u and v whose σ is more than rounding."""
    floor = max(len(part.u), len(part.v)) * np.finfo(np.float64).eps * part.sigma[0]
    there = part.sigma > floor
    return part.u[:, there], part.v[:, there]


def _rows(a: Array) -> Array:
    """Return the right singular vectors of A, by their size, (n, min(r, n))."""
    q, r = np.linalg.qr(a.T)
    return np.asarray(q @ np.linalg.svd(r)[0][:, : min(a.shape)])


def _correlation(first: Array, second: Array) -> float:
    if first.shape != second.shape:
        return 0.0
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float((first * second).sum()) / norms if norms else 0.0


def _about_bases(first: Draft, second: Draft) -> list[str]:
    if not first.base_model or not second.base_model or first.base_model == second.base_model:
        return []
    return [
        f"{first.name} was made for {first.base_model}, {second.name} for {second.base_model}: "
        "the numbers mean something only where these are the same weights."
    ]


def _about_start(modules: tuple[ModuleComparison, ...]) -> list[str]:
    alike = float(np.median([module.start for module in modules]))
    by_chance = float(np.median([(m.ranks[0] * m.shape[1]) ** -0.5 for m in modules]))
    if alike < max(_SAME_START, _SURE * by_chance):
        return []
    return [
        "Both seem to have started from the same A (its entries correlate with "
        f"{alike:.2f}): the same seed. They then share directions that neither has learned; "
        "the inputs of ΔW tell more than A."
    ]
