"""What can be given up for memory, one function per kind, from the least harm to the most.

Each returns the steps that it can take, from the smallest saving to the largest; `SAVINGS` is the
order of harm: what changes nothing but the speed comes first, then what changes how exactly the
same is learned, at last what changes what is learned.
"""

from collections.abc import Callable

from core.adapters.base import LowRankSettings, at_rank
from core.memory.devices import Device
from core.memory.proposals import Case, Step, effective_batch
from core.models.info import ModelInfo
from core.models.targets import describe, resolve
from core.settings import RunSettings

LARGEST_ACCUMULATION = 4096
"""Upper bound of `training.accumulation`."""
WHOLE_ROWS = (0.99, 0.98, 0.95)
"""Shares of the rows that shorter limits leave whole; to cut more would be to train other data."""
LOWEST_RANK = 4
"""Below it hardly any memory is left to save; the LoRA paper (arXiv:2106.09685, table 6) finds 4 as
good as 8 on its tasks."""
UPPER_SHARES = (0.75, 0.5, 0.25)
"""Shares of the adapted layers that are kept, from above."""


Saving = Callable[[Case, RunSettings], list[Step]]
"""Takes the case and the settings with all other savings made; both ends of a change are told from
the case's own settings."""


def smaller_micro_batch(case: Case, settings: RunSettings) -> list[Step]:
    """Fewer rows at once, more micro-batches per step: the effective batch stays the same."""
    now, rows = case.settings.training.micro_batch, effective_batch(case.settings)
    fewer = (size for size in range(now - 1, 0, -1) if rows % size == 0)
    return [micro_batch_step(case, size) for size in fewer if rows // size <= LARGEST_ACCUMULATION]


def micro_batch_step(case: Case, size: int) -> Step:
    """Return the step to micro-batches of `size` rows, a divisor of the effective batch."""
    training, rows = case.settings.training, effective_batch(case.settings)
    times, kind = rows // size, "smaller" if size < training.micro_batch else "larger"
    passes = f"{times:,} {kind} passes" if times > 1 else f"1 {kind} pass"
    return Step(
        settings={"training.micro_batch": size, "training.accumulation": times},
        words=f"Micro-batch {training.micro_batch} → {size}, "
        f"accumulation {training.accumulation} → {times}",
        cost=f"Same effective batch of {rows:,}, same result; {passes} per step.",
    )


def eight_bit_optimizer(case: Case, settings: RunSettings) -> list[Step]:
    """Keep the two moments of AdamW in 8 bits each instead of 32."""
    if case.settings.training.optimizer != "adamw" or not has_eight_bit_optimizer(case.device):
        return []
    cost = "Its two moments are rounded to 8 bits, block by block; it seldom changes the result."
    step = {"training.optimizer": "adamw8bit"}
    return [Step(settings=step, words="Optimizer adamw → adamw8bit", cost=cost)]


def has_eight_bit_optimizer(device: Device) -> bool:
    """Tell whether bitsandbytes 0.50 has the update on this device: not on Apple's GPUs."""
    return not device.name.startswith("Apple")


def more_checkpointing(case: Case, settings: RunSettings) -> list[Step]:
    """Let more blocks compute their activations twice, all but the last one at most.

    Backward begins with the last: to compute that one again at once saves nothing.
    """
    blocks = trained_blocks(case.info, settings)
    now = checkpointed_blocks(case.settings, blocks)
    return [checkpointing_step(case, blocks, count) for count in range(now + 1, max(blocks, 2))]


def trained_blocks(info: ModelInfo, settings: RunSettings) -> int:
    """Return how many blocks backward goes through: down to the first with an adapter."""
    grid = info.grid
    names = resolve(settings.adapter.targets, grid)
    return info.architecture.layers - min(grid.by_name[name].layer for name in names)


def checkpointed_blocks(settings: RunSettings, blocks: int) -> int:
    """Return how many of `blocks` are checkpointed; "auto" counts as none, which it may become."""
    wanted = settings.training.gradient_checkpointing
    if isinstance(wanted, int):
        return min(wanted, blocks)
    return blocks if wanted == "all" else 0


def checkpointing_step(case: Case, blocks: int, count: int) -> Step:
    """Return the step to `count` checkpointed blocks of the `blocks` that backward goes through.

    Its factor counts passes through a block: forward through all L of them, backward through the n
    trained ones, and one more forward pass through the c checkpointed ones (Chen et al.,
    arXiv:1604.06174). Backward through frozen matrices asks for the gradient of their input alone,
    so it is one pass, not the two of full fine-tuning: all blocks add a half, not a third. Head and
    loss, which come on top on both sides, make the true factor smaller.
    """
    layers = case.info.architecture.layers
    wanted = case.settings.training.gradient_checkpointing
    now = checkpointed_blocks(case.settings, blocks)
    factor = (layers + blocks + count) / (layers + blocks + now)
    if count:
        to, twice = f"{count} of {blocks} blocks", f"{count} of {layers} layers computed twice"
    else:
        to, twice = "off", "no layer computed twice"
    more = f"{100 * abs(factor - 1):.0f} % {'more' if factor > 1 else 'less'} work"
    return Step(
        settings={"training.gradient_checkpointing": count or "off"},
        words=f"Gradient checkpointing {wanted} → {to}",
        cost=f"Same result; {twice}, up to {more}.",
        factor=factor,
    )


def shorter_rows(case: Case, settings: RunSettings) -> list[Step]:
    """Cut the few longest rows; which and how many is told, so it needs the data."""
    lengths = case.all_lengths
    longest = min(lengths.most, case.settings.data.max_length)
    shorter = dict.fromkeys(lengths.length_for(share) for share in WHOLE_ROWS if lengths.number)
    return [_length_step(case, length) for length in shorter if length < longest]


def _length_step(case: Case, length: int) -> Step:
    limit = case.settings.data.max_length
    before, after = (case.all_lengths.above(most) for most in (limit, length))
    already = f", {before:,} of them already now" if before else ""
    return Step(
        settings={"data.max_length": length},
        words=f"Max length {limit:,} → {length:,}",
        cost=f"{after:,} of {case.all_lengths.number:,} rows lose tokens at their end{already}.",
    )


def fewer_bits(case: Case, settings: RunSettings) -> list[Step]:
    """Round the frozen weights: to 8 bits, to 4, and the scales of the 4 as well."""
    model = case.settings.model
    rank = (16, 8, 4).index(model.bits) + (model.bits == 4 and model.double_quant)
    slower = "slower, because they are unpacked for every product"
    steps = (
        (8, False, "QLoRA 8-bit", "Frozen weights are rounded to 8 bits; slower products."),
        (4, False, "QLoRA 4-bit", f"Frozen weights are rounded to 4 bits; {slower}."),
        (4, True, "QLoRA 4-bit DQ", f"Frozen weights and scales are rounded; {slower}."),
    )
    names = ("LoRA 16-bit", *(name for _, _, name, _ in steps))
    return [
        Step(
            settings={"model.bits": bits} | ({"model.double_quant": double} if bits == 4 else {}),
            words=f"{names[rank]} → {name}",
            cost=cost,
        )
        for bits, double, name, cost in steps[rank:]
    ]


def lower_rank(case: Case, settings: RunSettings) -> list[Step]:
    """Halve the rank, and alpha with it, so that the scale of ΔW stays."""
    adapter = case.settings.adapter
    if not isinstance(adapter, LowRankSettings) or adapter.rank_pattern:
        return []  # ranks that were chosen one by one are not halved behind the user's back
    steps, rank = [], adapter.rank // 2
    while rank >= LOWEST_RANK:
        steps.append(_rank_step(adapter, rank))
        rank //= 2
    return steps


def _rank_step(adapter: LowRankSettings, rank: int) -> Step:
    alpha = at_rank(adapter, rank).alpha
    return Step(
        settings={"adapter.rank": rank, "adapter.alpha": alpha},
        words=f"Rank {adapter.rank} → {rank}, alpha {adapter.alpha:g} → {alpha:.4g}",
        cost=f"{rank} instead of {adapter.rank} directions to learn in; their scale stays.",
    )


def fewer_layers(case: Case, settings: RunSettings) -> list[Step]:
    """Adapt the upper layers alone: below the first adapter backward keeps and does nothing."""
    grid = case.info.grid
    names = resolve(case.settings.adapter.targets, grid)
    layers = sorted({grid.by_name[name].layer for name in names})
    counts = dict.fromkeys(max(1, round(share * len(layers))) for share in UPPER_SHARES)
    steps = []
    for count in counts:
        if count == len(layers):
            continue
        upper = [name for name in names if grid.by_name[name].layer >= layers[-count]]
        step = Step(
            settings={"adapter.targets": describe(upper, grid)},
            words=f"Adapters on the upper {count} of {len(layers)} layers",
            cost=f"The lower {len(layers) - count} learn nothing; each step is shorter.",
        )
        steps.append(step)
    return steps


SAVINGS: tuple[Saving, ...] = (
    smaller_micro_batch,
    eight_bit_optimizer,
    more_checkpointing,
    shorter_rows,
    fewer_bits,
    lower_rank,
    fewer_layers,
)
"""From the least harm to the most."""
