"""Bytes per token of what adapted, trained and quantized matrices keep of their inputs.

A frozen matrix in 16 bits keeps nothing: its gradient is that of its output times the matrix.
"""

from collections.abc import Sequence

from core.memory.attention import output_is_kept, query_width
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
    kept = adapter_input_bytes(workload, targets)
    if workload.method.bits == 8 or (workload.method.bits == 4 and workload.stack.keeps_inputs):
        own = workload.element * _shared_inputs(workload, targets)
        shared = own if workload.stack.adapter_follows else 0
        kept += all_input_bytes(workload, mlp=mlp) - shared
    return kept


def all_input_bytes(workload: Workload, *, mlp: bool) -> int:
    """Return bytes per token where every matrix keeps its input, in the compute type.

    q, k, v share one input and so do gate and up, e·h each; the last matrix of the MLP has e·f, and
    that of attention e·q where attention does not keep its output. That holds in full fine-tuning
    and for LLM.int8, whose `MatMul8bitLt` keeps the input of every product.
    """
    output = 0 if output_is_kept(workload) else query_width(workload)
    inner = mlp_width(workload) if mlp else output
    return workload.element * (workload.architecture.hidden_size + inner)


def adapter_input_bytes(workload: Workload, targets: Sequence[Cell]) -> float:
    """Return bytes per token that the adapters of a block keep.

    Computed in one step (`core.training.adapter_product`): the input of n numbers as it is, e·n,
    once for all that read it, and h = s·A·x, p·r in the type of the adapter's products.

    PEFT: every adapter casts its input to fp32 for itself, 4·n, or under autocast back to 16 bits,
    e·n; of an input that has the type already they keep the tensor itself. Dropout gives each its
    own copy and a mask. The inner activation has the same type. DoRA keeps both outputs that its
    magnitude scales: (4 + e)·m.
    """
    if workload.shortened:
        inner = workload.product_element
        own = sum(cell.routed * inner * workload.rank_of(cell) for cell in targets)
        return workload.element * _shared_inputs(workload, targets) + own
    dropout = workload.dropout
    kind = workload.adapter_input_element
    as_given = kind == workload.element and not (workload.stack.autocast or dropout)
    if as_given:
        inputs = _shared_inputs(workload, targets)
    else:
        inputs = sum(cell.routed * cell.shape[1] for cell in targets)
    mask = 0 if not dropout else (4 if workload.on_cpu else 1)
    dora = workload.adapter.method == "dora"
    outputs = ADAPTER_ELEMENT + workload.element if dora else 0
    own = sum(
        cell.routed * (kind * workload.rank_of(cell) + outputs * cell.shape[0]) for cell in targets
    )
    return (kind + mask) * inputs + own


def factor_copy_bytes(workload: Workload, targets: Sequence[Cell]) -> int:
    """Return the copies of A and B in the compute type, e·r·(m + n), where products run in it."""
    if not workload.shortened or workload.product_element == ADAPTER_ELEMENT:
        return 0
    numbers = sum(workload.rank_of(c) * c.count * sum(c.shape) for c in targets)
    return workload.product_element * numbers


def _shared_inputs(workload: Workload, targets: Sequence[Cell]) -> int:
    """Return the numbers per token of the distinct inputs that nothing else keeps."""
    inputs: dict[tuple[str, bool], int] = {}
    for cell in targets:
        is_output = cell.input_group[1] and not cell.in_mlp
        if not (is_output and output_is_kept(workload)):
            inputs[cell.input_group] = cell.routed * cell.shape[1]
    return sum(inputs.values())
