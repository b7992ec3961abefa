"""Bytes of an MLP and of its experts: what they keep, and what their backward pass adds."""

from collections.abc import Sequence

from core.memory.cells import Cell
from core.memory.inputs import mlp_width
from core.memory.workload import FP32, Workload

_ROUTING = 100
"""Bytes per token of a router's scores, the experts it chose and where they put the token."""
_KEPT_BY_ACTIVATION = {
    "gelu": 1,
    "gelu_pytorch_tanh": 1,
    "gelu_new": 4,
    "gelu_fast": 8,
    "relu": 1,
    "relu2": 1,
}
"""Tensors of e·f that an activation keeps: its input where it is one kernel (its result in ReLU),
more where it is written out (`transformers.activations`)."""


def mlp_bytes(workload: Workload) -> int:
    """Return bytes per token of one MLP.

    With a gate the gate, its activation and up, 3·e·f; without one what the activation keeps.
    Experts also keep a copy of the hidden states for each that a token passes, e·h, and the
    experts that every token passes are an MLP of their own.
    """
    shape, element = workload.architecture, workload.element
    own = 3 if shape.mlp_gated else _KEPT_BY_ACTIVATION.get(shape.activation, 2)
    kept = own * element * mlp_width(workload) + dropout_bytes(workload)
    if not shape.experts:
        return kept
    copies = element * shape.hidden_size * shape.experts_per_token
    return kept + copies + _ROUTING + 3 * element * shape.shared_size


def dropout_bytes(workload: Workload) -> int:
    """Return bytes per token of the mask with which a block silences some of its sums.

    One byte per number of the hidden states; a processor keeps the factors themselves.
    """
    if not workload.architecture.dropout:
        return 0
    own = workload.element if workload.on_cpu else 1
    return own * workload.architecture.hidden_size


def _branches(workload: Workload) -> int:
    return 3 if workload.architecture.mlp_gated else 2


def mlp_backward_bytes(workload: Workload, targets: Sequence[Cell]) -> int:
    """Return what the backward pass of one MLP adds to what it keeps.

    PEFT: the residual's gradient twice, 2·e·h per token, and then the larger of two moments: the
    gradients of the branches, 3·e·f (2·e·f without gate), or, while the last matrix is
    differentiated, the gradient of its input, e·f, and the matrix itself where it has to be
    widened.

    In one step the residual's gradient is there once, in 16 bits with an fp32 copy, and the last
    matrix has a third moment: the gradient of its input and what the adapter adds to it, (e + p)·f.
    """
    element, hidden = workload.element, workload.architecture.hidden_size
    inputs = workload.tokens * mlp_width(workload)
    branches, product = _branches(workload) * element * inputs, element * inputs
    widened = product + widened_bytes(workload)
    if not workload.shortened:
        residual = workload.tokens * 2 * workload.residual_element * hidden
        return residual + max(branches, widened)
    residual = workload.tokens * element * hidden
    if not any(cell.input_group[1] for cell in targets):
        return residual + max(branches, widened)
    wide = FP32 if element < workload.product_element else 0
    adapter = workload.tokens * wide * hidden + workload.product_element * inputs + product
    return residual + max(branches - product, widened, adapter)


def widened_bytes(workload: Workload) -> int:
    """Return the temporary of one matrix in the compute type, which quantized ones are widened to.

    DoRA measures the rows of W + s·B·A, for which four fp32 matrices are alive (PEFT's
    `DoraLinearLayer`). On a GPU adapted 4-bit matrices have a buffer of their own (`buffer_bytes`).
    """
    model = workload.model
    if workload.dora:
        return measured_bytes(workload)
    widened = workload.weight_element * model.widest_matrix
    if workload.method.bits == 16 or buffer_bytes(workload) >= widened:
        return 0
    return widened


def measured_bytes(workload: Workload) -> int:
    """Return what DoRA needs to measure the rows of its largest matrix, forward as backward."""
    if not workload.dora:
        return 0
    return 4 * FP32 * max(rows * columns for rows, columns in workload.model.target_shapes)


def buffer_bytes(workload: Workload) -> int:
    """Return the room that all adapted 4-bit matrices share on a GPU: one of the largest, e·m·n."""
    if workload.on_cpu or not workload.shortened or workload.method.bits != 4:
        return 0
    widest = max(rows * columns for rows, columns in workload.model.target_shapes)
    return workload.element * widest
