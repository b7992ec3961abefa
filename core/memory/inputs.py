"""Bytes per token of what adapted, trained and quantized matrices keep of their inputs.

A frozen matrix in 16 bits keeps nothing: its gradient is that of its output times the matrix.
"""

from collections.abc import Sequence

from core.memory.attention import output_is_kept, output_width
from core.memory.cells import Cell
from core.memory.trained import ADAPTER_ELEMENT
from core.memory.workload import Workload


def mlp_width(workload: Workload) -> int:
    """Return f per token: the width of the MLP, times the experts that a token passes."""
    shape = workload.architecture
    return shape.intermediate_size * max(1, shape.experts_per_token)


def trained_input_bytes(workload: Workload, targets: Sequence[Cell], *, mlp: bool) -> float:
    """Return bytes per token of the inputs that weights, adapters or quantized products keep."""
    if workload.full:
        return all_input_bytes(workload, mlp=mlp)
    return adapter_input_bytes(workload, targets) + unseen_bytes(workload, targets, mlp=mlp)


def unseen_bytes(workload: Workload, targets: Sequence[Cell], *, mlp: bool) -> int:
    """Return bytes per token of what quantized products keep out of autograd's sight.

    bitsandbytes hangs inputs onto the context of a product without `save_for_backward`. What an
    adapter keeps as it is, it shares with them. Experts are not quantized.
    """
    if not keeps_every_input(workload) or (mlp and workload.architecture.experts):
        return 0
    shared = _shared_inputs(workload, targets) if _adapters_keep_as_given(workload) else 0
    return all_input_bytes(workload, mlp=mlp) - workload.element * shared


def staying_bytes(workload: Workload) -> int:
    """Return bytes per token of the same where gradient checkpointing frees what it sees.

    A checkpointed block keeps the input of every quantized product from its first forward pass on,
    that of the last matrix of attention too, since attention keeps its output no longer.
    """
    if not keeps_every_input(workload) or workload.stack.reentrant:
        return 0  # the reentrant way has no graph in the first forward pass
    hidden = workload.architecture.hidden_size
    mlp = 0 if workload.architecture.experts else hidden + mlp_width(workload)
    return workload.element * (hidden + output_width(workload) + mlp)


def keeps_every_input(workload: Workload) -> bool:
    """Whether every quantized product keeps its input: LLM.int8, and 4 bits in old releases."""
    bits, quantizable = workload.method.bits, workload.architecture.quantizable
    return quantizable and (bits == 8 or (bits == 4 and workload.stack.keeps_inputs))


def all_input_bytes(workload: Workload, *, mlp: bool) -> int:
    """Return bytes per token where every matrix keeps its input, in the compute type.

    q, k, v share one input and so do gate and up, e·h each; the last matrix of the MLP has e·f, and
    that of attention e·q where attention does not keep its output. That holds in full fine-tuning
    and for LLM.int8, whose `MatMul8bitLt` keeps the input of every product.
    """
    output = 0 if output_is_kept(workload) else output_width(workload)
    inner = 0 if relu_is_kept(workload) else mlp_width(workload)
    return workload.element * (workload.architecture.hidden_size + (inner if mlp else output))


def adapter_input_bytes(workload: Workload, targets: Sequence[Cell]) -> float:
    """Return bytes per token that the adapters of a block keep.

    Computed in one step (`core.training.adapter_product`): the input of n numbers as it is, e·n,
    once for all that read it, and h = s·A·x, p·r in the type of the adapter's products.

    PEFT: every adapter casts its input to fp32 for itself, 4·n, or under autocast back to 16 bits,
    e·n; of an input that has the type already they keep the tensor itself. Dropout gives each its
    own copy and a mask. The inner activation has the same type. DoRA keeps both outputs that its
    magnitude scales: (4 + e)·m. With dropout it computes that of W once more, in fp32: 8·m.
    """
    if workload.shortened:
        inner = workload.product_element
        own = sum(cell.routed * inner * workload.rank_of(cell) for cell in targets)
        return workload.element * _shared_inputs(workload, targets) + own
    dropout = workload.dropout
    kind = workload.adapter_input_element
    if _adapters_keep_as_given(workload):
        inputs = _shared_inputs(workload, targets)
    else:
        inputs = sum(cell.routed * cell.shape[1] for cell in targets)
    mask = 0 if not dropout else (4 if workload.on_cpu else 1)
    base = ADAPTER_ELEMENT if dropout else workload.element
    outputs = ADAPTER_ELEMENT + base if workload.dora else 0
    own = sum(
        cell.routed * (kind * workload.rank_of(cell) + outputs * cell.shape[0]) for cell in targets
    )
    return (kind + mask) * inputs + own


def _adapters_keep_as_given(workload: Workload) -> bool:
    """Tell whether adapters keep the very tensor that they are given, and no copy."""
    if workload.shortened:
        return True
    copied = workload.stack.autocast or workload.dropout
    return workload.adapter_input_element == workload.element and not copied


def relu_is_kept(workload: Workload) -> bool:
    """Tell whether the last matrix of the MLP reads a tensor that the activation keeps anyway."""
    return workload.architecture.activation == "relu" and not workload.architecture.mlp_gated


def copied_bytes(workload: Workload, targets: Sequence[Cell]) -> int:
    """Return the copies of weights that a block keeps, whatever the tokens.

    Of A and B in the compute type, e·r·(m + n), where products run in it. DoRA with dropout keeps W
    in fp32, 4·m·n, for each target.
    """
    if workload.dora and workload.dropout:
        copied = workload.weight_element < ADAPTER_ELEMENT or workload.method.bits < 16
        return ADAPTER_ELEMENT * sum(c.parameters for c in targets) if copied else 0
    if not workload.shortened or workload.product_element == ADAPTER_ELEMENT:
        return 0
    numbers = sum(workload.rank_of(c) * c.count * sum(c.shape) for c in targets)
    return workload.product_element * numbers


def _shared_inputs(workload: Workload, targets: Sequence[Cell]) -> int:
    """Return the numbers per token of the distinct inputs that nothing else keeps."""
    inputs: dict[tuple[str, bool], int] = {}
    for cell in targets:
        is_output = cell.input_group[1]
        known = relu_is_kept(workload) if cell.in_mlp else output_is_kept(workload)
        if not (is_output and known):
            inputs[cell.input_group] = cell.routed * cell.shape[1]
    return sum(inputs.values())
