"""Which blocks keep their activations, and which compute them again in the backward pass.

A checkpointed block keeps the hidden states that it was given, T·h·e bytes, instead of its load,
and what is not in autograd's sight.
The lowest blocks that backward reaches are checkpointed: then the upper ones are gone by the time
the first is computed again.
"""

from collections.abc import Callable

from core.memory.activations import LayerLoad, hidden_bytes, layer_loads
from core.memory.mlp import measured_bytes
from core.memory.norms import end_bytes, norm_backward_bytes, one_kernel
from core.memory.workload import FP32, Workload


def activation_bytes(workload: Workload, checkpointed: int) -> tuple[float, float, float]:
    """Return activations at the loss, in backward before any gradient, and when all are there.

    Args:
        workload: The micro-batch.
        checkpointed: Number of blocks, of those that backward reaches; the stock software knows
            only none or all.
    """
    loads = layer_loads(workload)
    if not workload.stack.ours:
        return _stock(workload, loads, checkpointed)
    if not loads:
        return 0.0, 0.0, 0.0
    held = hidden_bytes(workload)
    whole, again = loads[checkpointed:], loads[:checkpointed]
    stay = [i * held + sum(load.stays for load in again[:i]) for i in range(checkpointed + 1)]
    below = stay[-1]
    kept = below + sum(load.kept for load in whole)
    ends = end_bytes(workload)
    backward = [kept + ends + norm_backward_bytes(workload), kept + measured_bytes(workload)]
    if whole:
        backward.append(kept - whole[-1].kept + whole[-1].live)
    backward += [stay[i] + _again(workload, load, lowest=i == 0) for i, load in enumerate(again)]
    first = _again(workload, loads[0], lowest=True) if again else loads[0].live
    return kept + ends, max(backward), first


def _again(workload: Workload, load: LayerLoad, *, lowest: bool) -> float:
    """Return the peak while a checkpointed block is differentiated, with what it was given.

    In fp32 its first norm keeps the same tensor, which is counted by the load, unless no gradient
    goes below.
    """
    as_given = workload.element == FP32 or one_kernel(workload)
    shared = as_given and not lowest
    return load.again + (0 if shared else hidden_bytes(workload))


def _stock(
    workload: Workload, loads: tuple[LayerLoad, ...], checkpointed: int
) -> tuple[float, float, float]:
    """Return the same for programs that checkpoint all blocks or none."""
    held = float(hidden_bytes(workload))
    if checkpointed:
        kept = 0.0 if workload.stack.offloads else len(loads) * held
        first = held - _first_norm_bytes(workload)
        below = sum(load.stays for load in loads[:-1])
        last = kept + below + max(load.again for load in loads) + first
        return kept + below + loads[-1].stays, last, loads[0].again + first
    kept = sum(load.kept for load in loads)
    return kept, kept - loads[-1].kept + loads[-1].live + held, loads[0].live + held


def _first_norm_bytes(workload: Workload) -> float:
    """Return what the first norm of a checkpointed block keeps that is held for it anyway."""
    kept_as_given = one_kernel(workload) or workload.residual_element == FP32
    return hidden_bytes(workload) if kept_as_given else 0.0


def fewest_blocks(blocks: int, fits: Callable[[int], bool]) -> int:
    """Return the smallest number of checkpointed blocks that fits, all of them if none does.

    Args:
        blocks: All that can be checkpointed.
        fits: Whether a number of them does. More never need more, but for the first, whose 4-bit
            matrices stay unpacked, and the last, which backward computes again at once.
    """
    if fits(0):
        return 0
    low, high = 0, blocks - 1 if blocks > 1 and fits(blocks - 1) else blocks
    while high - low > 1:  # low does not fit; high does, unless nothing does
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high
