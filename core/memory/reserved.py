"""From the allocator's peak to what nvidia-smi shows for the process.

torch keeps freed blocks, and gives them back only when the card is nearly full. What stays unused
depends on the order of sizes, differs by a tenth between two runs of one configuration, and follows
from no formula: these are the means of public runs on a T4 and an A100.
"""

from core.memory.devices import Device
from core.memory.overhead import context_bytes
from core.memory.plan import MemoryPlan
from core.memory.stack import Stack

ALIKE = 1.13
"""No tensor of tokens × vocabulary: the blocks are alike (fused head and loss, or chunks)."""
LOGITS = 1.18
"""Blocks of tokens × vocabulary come and go between those of the layers."""
SHIFTED_LOGITS = 1.30
"""They come in two sizes, as a shifted copy is shorter than the logits."""
OVERWRITTEN_LOGITS = 1.55
"""And the kernel that overwrites one of them leaves the others unused."""
SCORES = 1.30
"""Blocks of tokens × tokens of eager attention."""

STATIC = ("weights", "adapter", "gradients", "optimizer")


def process_bytes(plan: MemoryPlan, stack: Stack, attention: str, card: Device | None) -> int:
    """Return the memory of the whole process (bytes), which never exceeds the card."""
    static = sum(plan.parts[part] for part in STATIC)
    moving = plan.allocated_bytes - static
    total = round(static + moving * _spread(stack, attention)) + context_bytes(card).likely
    return min(total, card.free_bytes) if card else total


def _spread(stack: Stack, attention: str) -> float:
    """Return how much more torch holds of what comes and goes within a step than is in use."""
    if attention == "eager":
        return SCORES
    if stack.loss.kind in ("linear", "picked", "chunks"):
        return ALIKE
    if not stack.loss.shifts:
        return LOGITS
    return OVERWRITTEN_LOGITS if stack.loss.kind == "fused" else SHIFTED_LOGITS
