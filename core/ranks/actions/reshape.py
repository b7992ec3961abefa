"""Growing the rank of an adapter without changing it, and capping its singular values."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from core.errors import UserError
from core.ranks.actions.draft import Draft, rebuilt
from core.ranks.adapter_config import MAX_RANK
from core.ranks.damping import cap
from core.ranks.metrics import Array
from core.ranks.spectra import AdapterSpectra
from core.ranks.update import Update, decompose


def grown(draft: Draft, rank: int, seed: int = 0) -> Draft:
    """Return the same adapter with room for more directions in every module.

    B gets columns of zeros, so that ΔW stays as it is, and A gets rows as LoRA starts them: Kaiming
    uniform, ±1/√n (PEFT: normal for embeddings). The scaling of every module stays, not its alpha:
    what was learned keeps its size, and goes on learning as fast as before. Write it with
    `AsTrained`.

    Args:
        draft: The adapter.
        rank: r of every module afterwards.
        seed: Of the fresh rows; the same seed gives the same file.

    Raises:
        UserError: A module has a larger rank already, or the rank is out of bounds.
    """
    largest = max(slot.rank for slot in draft.slots)
    if not largest <= rank <= MAX_RANK:
        raise UserError(
            f"The rank {rank} is not between that of the adapter, {largest}, and {MAX_RANK}.",
            "`rankscope truncate` makes a rank smaller.",
        )
    slots = tuple(replace(slot, rank=rank) for slot in draft.slots)

    def updates() -> Iterator[Update]:
        for update in draft.updates():
            missing = rank - update.rank
            fresh = _fresh_rows(
                update, missing, np.random.default_rng([seed, *update.name.encode()])
            )
            b = np.pad(update.b, ((0, 0), (0, missing)))
            yield replace(update, b=b, a=np.concatenate([update.a, fresh]))

    return draft.resized(slots, updates, ("Grown", f"to rank {rank}; the update is the same"))


def _fresh_rows(update: Update, count: int, random: np.random.Generator) -> Array:
    columns = update.a.shape[1]
    if update.embedding:
        return random.standard_normal((count, columns))
    bound = columns**-0.5
    return random.uniform(-bound, bound, (count, columns))


def relative_caps(spectra: AdapterSpectra, share: float) -> dict[str, float]:
    """Return caps at a share of the σ₁ of every module; an untrained one needs none.

    Raises:
        UserError: The share is not above 0, or above 1.
    """
    if not 0 < share <= 1:
        raise UserError(
            f"The share {share:g} is not between 0 and 1.",
            "Write 0.5 for half of the largest σ of each module.",
        )
    return {m.name: share * float(m.singular_values[0]) for m in spectra.modules if m.trained}


def clipped(draft: Draft, caps: Mapping[str, float]) -> Draft:
    """Return the adapter with no singular value above the cap of its module.

    Args:
        draft: The adapter.
        caps: The largest σ by module; those that are not named stay as they are.

    Raises:
        UserError: A cap is not above 0.
    """
    if not all(0 < cap < math.inf for cap in caps.values()):
        raise UserError("A cap of σ must be above 0.", "Write a number such as 5.")
    slots = tuple(slot.folded(slot.full_rank) for slot in draft.slots)

    def updates() -> Iterator[Update]:
        for update in draft.updates():
            largest = caps.get(update.name, math.inf)
            yield rebuilt(update, cap(decompose(update), largest))

    return draft.resized(slots, updates, ("Clipped", f"σ at most {_range(caps)}"))


def _range(caps: Mapping[str, float]) -> str:
    low, high = min(caps.values(), default=0), max(caps.values(), default=0)
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}, by module"
