"""Truncating an adapter: a plan that says what would stay, then the smaller adapter.

`core.ranks.selection` holds the rules that choose components. By Eckart and Young (1936) what is
lost is known beforehand: ‖ΔW − ΔW_k‖² = Σ_{i>k} σ_i². What it does to the loss is not; that is
measured on held-out data (`core.ranks.curve`).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from core.ranks.actions.draft import Draft, rebuilt
from core.ranks.safetensors_writer import ITEM_BYTES
from core.ranks.selection import Kept
from core.ranks.spectra import AdapterSpectra
from core.ranks.update import Update, decompose


@dataclass(frozen=True)
class ModulePlan:
    """What becomes of one module.

    Attributes:
        rank: r, as it is.
        kept: k, what stays; 0 where the module is left out.
        lost: Σσ² of what is left out over Σσ²; 0 where ΔW = 0.
    """

    name: str
    shape: tuple[int, int]
    rank: int
    kept: int
    lost: float

    @property
    def energy(self) -> float:
        """Share of Σσ² that stays."""
        return 1 - self.lost

    @property
    def error(self) -> float:
        """‖ΔW − ΔW_k‖/‖ΔW‖, in the Frobenius norm."""
        return math.sqrt(self.lost)

    @property
    def parameters(self) -> int:
        """Numbers in the factors that stay, k·(m+n)."""
        return self.kept * sum(self.shape)


@dataclass(frozen=True, eq=False)
class TruncationPlan:
    """What a truncation would keep, module by module.

    Attributes:
        how: The rule in words, as in "energy 0.95".
        stays: By module, which components stay, in the order of σ.
        modules: In the order of the spectra.
        lost: Share of Σσ² over all modules that is left out.
        parameters_before: Numbers in the factors as they are.
        item_bytes: Of one number in the file.
    """

    how: str
    stays: Kept
    modules: tuple[ModulePlan, ...]
    lost: float
    parameters_before: int
    item_bytes: int = 4

    @property
    def energy(self) -> float:
        """Share of Σσ² over all modules that stays."""
        return 1 - self.lost

    @property
    def error(self) -> float:
        """‖ΔW − ΔW_k‖/‖ΔW‖ over all modules together."""
        return math.sqrt(self.lost)

    @cached_property
    def ranks(self) -> dict[str, int]:
        """The rank k that each module keeps."""
        return {module.name: module.kept for module in self.modules}

    @cached_property
    def parameters(self) -> int:
        """Numbers in the factors that stay."""
        return sum(module.parameters for module in self.modules)

    @property
    def size_bytes(self) -> int:
        """Bytes of the factors that stay, without padding."""
        return self.parameters * self.item_bytes

    @property
    def dropped(self) -> int:
        """Modules that are left out."""
        return sum(module.kept == 0 for module in self.modules)


def plan_truncation(spectra: AdapterSpectra, stays: Kept, how: str) -> TruncationPlan:
    """Return what keeping these components would mean.

    Args:
        spectra: Of the adapter.
        stays: What a rule of `core.ranks.selection` chose.
        how: The rule in words.
    """
    modules, left, whole = [], 0.0, 0.0
    for module in spectra.modules:
        mask, energies = stays[module.name], module.singular_values**2
        total, lost = float(energies.sum()), float(energies[~mask].sum())
        left, whole = left + lost, whole + total
        kept, share = int(mask.sum()), lost / total if total else 0.0
        modules.append(ModulePlan(module.name, module.shape, module.rank, kept, share))
    return TruncationPlan(
        how=how,
        stays=stays,
        modules=tuple(modules),
        lost=left / whole if whole else 0.0,
        parameters_before=sum(module.rank * sum(module.shape) for module in spectra.modules),
        item_bytes=ITEM_BYTES.get(spectra.adapter.dtype, 4),
    )


def truncated(draft: Draft, plan: TruncationPlan) -> Draft:
    """Return the adapter with what the plan keeps, in balanced factors."""
    ranks = plan.ranks
    slots = tuple(slot.folded(ranks[slot.name]) for slot in draft.slots if ranks[slot.name])

    def updates() -> Iterator[Update]:
        for update in draft.updates():
            stays = plan.stays[update.name]
            if stays.any():
                yield rebuilt(update, decompose(update).select(stays))

    fact = f"{plan.how}: {plan.energy:.4%} of Σσ² stay, ‖ΔW − ΔW_k‖/‖ΔW‖ = {plan.error:.3g}"
    return draft.resized(slots, updates, ("Truncated", fact))


def balanced(draft: Draft) -> Draft:
    """Return the same adapter in balanced factors with s folded in, components by their size."""
    slots = tuple(slot.folded(slot.full_rank) for slot in draft.slots)

    def updates() -> Iterator[Update]:
        for update in draft.updates():
            yield rebuilt(update, decompose(update))

    return draft.resized(slots, updates)
