"""Room to spare: what would make a run that fits faster or better, and still fit.

Each way returns its steps from the one that needs the most memory to the one that needs the least,
so that the first that fits is the best. What the result gains from comes before what is faster.
"""

from collections.abc import Callable

from core.memory.proposals import (
    Case,
    Change,
    Step,
    as_change,
    effective_batch,
    first_that_fits,
)
from core.memory.savings import (
    checkpointed_blocks,
    checkpointing_step,
    micro_batch_step,
    trained_blocks,
)
from core.memory.verdict import judge
from core.settings import RunSettings

LARGEST_MICRO_BATCH = 4096
"""Upper bound of `training.micro_batch`."""

Way = Callable[[Case, RunSettings], list[Step]]


def room_to_spare(case: Case) -> tuple[Change, ...]:
    """Return what can be had for the free memory, each on top of those before; all of it fits.

    Raises:
        UserError: A target matches no module of the model.
    """
    plan = case.plan(case.settings)
    if judge(plan, case.device) != "fits":
        return ()
    changes: list[Change] = []
    for way in WAYS:
        steps = way(case, case.after(changes))
        step = first_that_fits(steps, lambda step: _fits(case, [*changes, step]))
        if step is not None:
            after = case.plan(case.after([*changes, step]))
            changes.append(as_change([step], plan, after))
            plan = after
    return tuple(changes)


def _fits(case: Case, steps: list[Step]) -> bool:
    return judge(case.plan(case.after(steps)), case.device) == "fits"


def whole_weights(case: Case, settings: RunSettings) -> list[Step]:
    """Leave the frozen weights in 16 bits."""
    bits = case.settings.model.bits
    if bits == 16:
        return []
    return [
        Step(
            settings={"model.bits": 16},
            words=f"QLoRA {bits}-bit → LoRA 16-bit",
            cost="Frozen weights as they were published; faster, because none is unpacked.",
        )
    ]


def less_checkpointing(case: Case, settings: RunSettings) -> list[Step]:
    """Let fewer blocks compute their activations twice; "auto" sees to that by itself."""
    blocks = trained_blocks(case.info, settings)
    now = checkpointed_blocks(case.settings, blocks)
    return [checkpointing_step(case, blocks, count) for count in range(now)]


def larger_micro_batch(case: Case, settings: RunSettings) -> list[Step]:
    """More rows at once, fewer micro-batches per step: the effective batch stays the same."""
    now, rows = case.settings.training.micro_batch, effective_batch(case.settings)
    more = (size for size in range(min(rows, LARGEST_MICRO_BATCH), now, -1) if rows % size == 0)
    return [micro_batch_step(case, size) for size in more]


WAYS: tuple[Way, ...] = (whole_weights, less_checkpointing, larger_micro_batch)
