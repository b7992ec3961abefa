"""Bytes of norms: what they keep of the hidden states, and what their backward pass adds."""

from core.memory.workload import FP32, Workload

NORM_BACKWARD = 20
"""Bytes per number of the hidden states that a norm's backward pass holds beside its input: five
tensors in fp32, or four and two in 16 bits."""
_STATISTICS = 8  # bytes per token: mean and deviation


def norm_bytes(workload: Workload) -> int:
    """Return bytes per token of the norms of a block.

    Each keeps an fp32 copy of its input, 4·h, and where it is trained (full fine-tuning) also its
    normalised input, e·h. torch's LayerNorm and fused norms are one kernel, which keeps its input
    as it is; parallel ones share that. A single norm before parallel attention and MLP is written
    out with two copies (Cohere's).
    """
    shape = workload.architecture
    if one_kernel(workload):
        inputs = 1 if shape.parallel else shape.norms
        own = workload.residual_element * inputs * shape.hidden_size
        return own + _STATISTICS * shape.norms
    copies = max(2, shape.norms)
    trained = copies * workload.element if workload.full else 0
    return (FP32 * copies + trained) * shape.hidden_size


def first_norm_bytes(workload: Workload) -> int:
    """Return bytes per token that the first norm of a block keeps of the block's input."""
    kept = workload.residual_element if one_kernel(workload) else FP32
    return kept * workload.architecture.hidden_size


def one_kernel(workload: Workload) -> bool:
    """Whether norms keep their input as it is."""
    return workload.stack.fused_norms or workload.architecture.fused_norms


def norm_backward_bytes(workload: Workload) -> int:
    """Return what the backward pass of a norm adds to its input: 20·T·h."""
    return NORM_BACKWARD * workload.tokens * workload.architecture.hidden_size


def end_bytes(workload: Workload) -> int:
    """Return what lies outside of the blocks: the input of the last norm, and the positions.

    The last norm keeps an fp32 copy of its input, 4·T·h, the rotary embedding one table of sines
    and one of cosines, e·d each per position (once for all rows where they are padded).
    """
    shape = workload.architecture
    positions = workload.length if workload.padded else workload.tokens
    rotated = shape.head_dim if shape.positions == "rotary" else 0
    tables = 2 * workload.element * (shape.rotary_dim or rotated) * positions
    return workload.tokens * first_norm_bytes(workload) + tables
