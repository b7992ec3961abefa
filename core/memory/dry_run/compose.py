"""From the stretches of a few blocks to the step of a whole model."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.memory.dry_run.blocks import Surroundings
from core.memory.dry_run.ledger import Amounts, Stretch, minus, plus
from core.memory.dry_run.measure import END, HEAD, LOSS, START, Measured, backward_of, forward_of
from core.memory.dry_run.update import Update


@dataclass(frozen=True, kw_only=True)
class Peak:
    """The largest moment of a step (bytes).

    Attributes:
        parts: What is allocated then, by part of the plan.
        moment: "forward" or "layer" (a block forward or backward), "loss" or "step".
        operator: What was running.
        static: Allocated before the first micro-batch of a step.
        kept: What forward has added when the decoder is through.
    """

    parts: Mapping[str, int]
    moment: str
    operator: str
    static: int
    kept: int


@dataclass(frozen=True)
class Stands:
    """Traced blocks as representatives.

    Attributes:
        whole: The traced block that stands for each block of the model.
        traced: The one that stands for each traced block.
    """

    whole: Sequence[int]
    traced: Sequence[int]

    @classmethod
    def all(cls, blocks: int) -> "Stands":
        """Every block was traced and stands for itself."""
        return cls(range(blocks), range(blocks))


def stand_for(
    whole: Sequence[Surroundings], traced: Sequence[Surroundings], measured: Measured
) -> Stands | None:
    """Return which traced block stands for which.

    None where two traced blocks in the same surroundings did not need the same.
    """
    like: dict[Surroundings, int] = {}
    for number, surroundings in enumerate(traced):
        other = like.setdefault(surroundings, number)
        for name in (forward_of, backward_of):
            if not _alike(measured, name(number), name(other)):
                return None
    return Stands([like[each] for each in whole], [like[each] for each in traced])


def _alike(measured: Measured, name: str, other: str) -> bool:
    one, two = measured.stretches.get(name), measured.stretches.get(other)
    if one is None or two is None:
        return one is two
    return (one.top, one.net) == (two.top, two.net)


def compose(
    measured: Measured,
    stands: Stands,
    update: Update,
    *,
    keeps_gradients: bool,
    library_workspace: int,
) -> Peak:
    """Return the largest moment of the step of a model.

    Args:
        measured: What the traced blocks need.
        stands: Which traced block stands for which.
        update: What the optimizer needs.
        keeps_gradients: They are there before the micro-batch, which adds to them.
        library_workspace: Bytes that libraries hold all the time.
    """
    standing = stands.whole
    live = plus(
        measured.outside,
        *(measured.blocks[block] for block in standing),
        {"optimizer": update.states, "workspace": measured.lasting + library_workspace},
        {"gradients": update.gradients if keeps_gradients else 0},
    )
    static = kept = sum(live.values())
    peak, moment, operator = live, "step", ""
    for name, stretch in _course(measured, standing):
        if name == LOSS:
            kept = sum(live.values())
        top = plus(live, stretch.top)
        if sum(top.values()) > sum(peak.values()):
            peak, moment, operator = top, _moment(name), stretch.operator
        live = plus(live, stretch.net)
        if name in (END, LOSS, HEAD):
            live = minus(live, _freed_besides(stretch, standing, stands.traced))
    top = plus(live, {"workspace": update.temporary})
    if sum(top.values()) > sum(peak.values()):
        peak, moment, operator = top, "step", update.operator
    return Peak(parts=peak, moment=moment, operator=operator, static=static, kept=kept - static)


def _course(measured: Measured, standing: Sequence[int]) -> Iterator[tuple[str, Stretch]]:
    """Yield the stretches of the whole step in their order."""
    names = [
        START,
        *(forward_of(block) for block in standing),
        *(END, LOSS, HEAD),
        *(backward_of(block) for block in reversed(standing)),
    ]
    return ((name, measured.stretches[name]) for name in names if name in measured.stretches)


def _freed_besides(stretch: Stretch, standing: Sequence[int], traced: Sequence[int]) -> Amounts:
    """Return what a stretch between forward and backward frees of the blocks that were not traced.

    The copies of weights that autocast has cached are freed there, those of all blocks at once.

    Args:
        stretch: Such a stretch.
        standing: The traced block that stands for each block of the model.
        traced: The one that stands for each traced block.
    """
    missing = Counter(standing) - Counter(traced)
    freed: Amounts = {}
    for block, times in missing.items():
        for part, size in stretch.freed.get(forward_of(block), {}).items():
            freed[part] = freed.get(part, 0) + times * size
    return freed


def _moment(name: str) -> str:
    kind = name.partition(" ")[0]
    return {"forward": "forward", "backward": "layer"}.get(kind, "loss")
