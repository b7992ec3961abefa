"""Merging adapters: Σ w·ΔW exactly, in factors side by side; what is too much is cut afterwards.

The sum is that of the updates themselves, whatever their scaling, and a weight may be negative.
PEFT 0.21 merges an rsLoRA adapter √r times too large, and DoRA without its row lengths.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import UserError
from core.ranks.actions.compare import inner_product
from core.ranks.actions.draft import WIDE, Draft
from core.ranks.actions.plans import keep_above
from core.ranks.actions.together import modules_of, together
from core.ranks.actions.truncation import TruncationPlan
from core.ranks.metrics import Array
from core.ranks.update import Update, concatenate, singular_values


@dataclass(frozen=True, eq=False)
class Merger:
    """What is to be merged, and how it goes together.

    Attributes:
        names, weights: Of the adapters.
        cosines: ⟨ΔW_s, ΔW_t⟩/(‖ΔW_s‖·‖ΔW_t‖) over all modules of both, (N, N). Near −1 they undo
            each other; near 0 they do different things.
        norms: ‖w·ΔW‖ of each adapter, (N,).
        floors: By module, what a singular value of the sum must exceed: where adapters cancel, the
            rounding of their float32 numbers is left, and no update.
        draft: The exact sum.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    cosines: Array
    norms: Array
    floors: Mapping[str, float]
    draft: Draft

    def everything(self) -> TruncationPlan:
        """Return the plan that keeps all of the sum but rounding."""
        return keep_above(self.draft.spectra(), self.floors, "everything above rounding")


def merge(drafts: Sequence[Draft], weights: Sequence[float]) -> Merger:
    """Return the exact weighted sum of adapters as a draft, and how they relate.

    Args:
        drafts: One or more, of the same base model.
        weights: One for each; any sign.

    Raises:
        UserError: Weights are missing or not finite, the bases differ, or an adapter holds more
            than B and A.
    """
    if len(weights) != len(drafts):
        raise UserError(
            f"There are {len(drafts)} adapters, but {len(weights)} weights.", "Give one for each."
        )
    if not all(np.isfinite(weights)):
        raise UserError("A weight is no finite number.", "Write numbers such as 0.5 or -1.")
    if list(weights) != [1.0]:
        for draft in drafts:
            _check(draft)
    inner = _inner_products(drafts)
    sizes = np.sqrt(np.diag(inner))
    products = np.outer(sizes, sizes)
    return Merger(
        names=tuple(draft.name for draft in drafts),
        weights=tuple(weights),
        cosines=np.divide(inner, products, out=np.zeros_like(inner), where=products > 0),
        norms=np.abs(weights) * sizes,
        floors=_floors(drafts, weights),
        draft=_sum(drafts, weights),
    )


def _sum(drafts: Sequence[Draft], weights: Sequence[float]) -> Draft:
    places = modules_of(drafts)
    ranks = dict.fromkeys(places, 0)
    for draft in drafts:
        for slot in draft.slots:
            ranks[slot.name] += slot.rank
    slots = tuple(slot.folded(ranks[name]) for name, slot in places.items())

    def updates() -> Iterator[Update]:
        for row in together(drafts):
            there = [(u, w) for u, w in zip(row, weights, strict=True) if u is not None]
            yield concatenate([u for u, _ in there], [w for _, w in there])

    fact = " + ".join(f"{w:g} × {d.name}" for w, d in zip(weights, drafts, strict=True))
    widest = max(drafts, key=lambda draft: draft.dtype == WIDE)
    return widest.resized(slots, updates, ("Merged", fact))


def _inner_products(drafts: Sequence[Draft]) -> Array:
    """Return ⟨ΔW_s, ΔW_t⟩ summed over the modules, (N, N)."""
    inner = np.zeros((len(drafts), len(drafts)))
    for row in together(drafts):
        for s, first in enumerate(row):
            for t, second in enumerate(row[: s + 1]):
                if first is not None and second is not None:
                    inner[s, t] += inner_product(first, second)
    return inner + np.tril(inner, -1).T


def _floors(drafts: Sequence[Draft], weights: Sequence[float]) -> dict[str, float]:
    """Return Σ|w|·σ₁ times twice the spacing of float32: both factors are rounded to it."""
    floors = {}
    for row in together(drafts):
        there = [(u, abs(w)) for u, w in zip(row, weights, strict=True) if u is not None]
        size = sum(weight * float(singular_values(update)[0]) for update, weight in there)
        floors[there[0][0].name] = 2 * float(np.finfo(np.float32).eps) * size
    return floors


def _check(draft: Draft) -> None:
    """Check that a draft is nothing but ΔW."""
    if draft.obstacle is not None:
        raise draft.obstacle
    if draft.is_dora:
        raise UserError(
            f"{draft.name} is a DoRA adapter: its ΔW depends on the base weights.",
            "Convert it to LoRA first: `rankscope convert`.",
        )
    if draft.carried:
        raise UserError(
            f"{draft.name} holds more than B and A (first {draft.carried[0].key}).",
            "Only adapters of B and A can be added up.",
        )
