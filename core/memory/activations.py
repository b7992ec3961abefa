"""Bytes of what forward keeps for backward, layer by layer.

T tokens, hidden size h, MLP width f, e bytes per number of the compute type. The terms follow the
autograd graphs of transformers' Llama-like blocks, with adapters as `core.training` or PEFT
computes them: a frozen matrix keeps no input, a norm keeps an fp32 copy of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.memory.attention import FP32, attention_backward_bytes, attention_bytes, score_bytes
from core.memory.cells import Cell
from core.memory.inputs import factor_copy_bytes, mlp_width, trained_input_bytes
from core.memory.workload import Workload

NORM_BACKWARD = 20
"""Bytes per number of the hidden states that a norm's backward pass holds beside its input: five
tensors in fp32, or four and two in 16 bits."""


@dataclass(frozen=True)
class LayerLoad:
    """One block: what its forward pass keeps, and what its backward pass adds (all in bytes).

    Attributes:
        attention: Kept by norms and attention.
        mlp: Kept by the MLP; freed before the backward pass reaches attention.
        attention_backward: Temporary while attention and the norms are differentiated.
        mlp_backward: Temporary while the MLP is differentiated.
        unpacked: 4-bit matrices that stay unpacked from the second forward pass of a checkpointed
            block to its backward pass.
    """

    attention: float
    mlp: float
    attention_backward: float
    mlp_backward: float
    unpacked: float = 0.0

    @property
    def kept(self) -> float:
        """Bytes from forward to backward."""
        return self.attention + self.mlp

    @property
    def live(self) -> float:
        """The peak while this block is differentiated."""
        return max(self.kept + self.mlp_backward, self.attention + self.attention_backward)


def hidden_bytes(workload: Workload) -> int:
    """Return T·h·e, the hidden states between two blocks, in their own type."""
    return workload.tokens * workload.architecture.hidden_size * workload.residual_element


def layer_loads(workload: Workload) -> tuple[LayerLoad, ...]:
    """Return the load of every block that backward reaches; they differ where their targets do."""
    if workload.full:
        return (_load(workload, ()),) * workload.architecture.layers
    model, first = workload.model, workload.first_block
    twins = model.twins[first:]
    loads = {layer: _load(workload, model.target_layers[layer]) for layer in set(twins)}
    made = [loads[layer] for layer in twins]
    if made and workload.stack.ours:
        made[0] = _without_gradient_below(workload, made[0], model.target_layers[first])
    return tuple(made)


def _without_gradient_below(
    workload: Workload, load: LayerLoad, targets: Sequence[Cell]
) -> LayerLoad:
    """Return the load of the first adapted block: nothing before its first adapter is kept."""
    if all(cell.in_mlp for cell in targets):
        return replace(load, attention=0.0, attention_backward=0.0)
    first_norm = workload.tokens * FP32 * workload.architecture.hidden_size
    return replace(load, attention=load.attention - first_norm)


def _load(workload: Workload, targets: Sequence[Cell]) -> LayerLoad:
    tokens = workload.tokens
    narrow = [cell for cell in targets if not cell.in_mlp]
    wide = [cell for cell in targets if cell.in_mlp]
    four_bit = workload.shortened and workload.method.bits == 4
    unpacked = workload.element * sum(cell.parameters for cell in targets) if four_bit else 0.0
    return LayerLoad(
        attention=tokens * (norm_bytes(workload) + attention_bytes(workload))
        + score_bytes(workload)
        + tokens * trained_input_bytes(workload, narrow, mlp=False)
        + factor_copy_bytes(workload, narrow),
        mlp=tokens * (mlp_bytes(workload) + trained_input_bytes(workload, wide, mlp=True))
        + factor_copy_bytes(workload, wide),
        attention_backward=_attention_backward(workload, narrow),
        mlp_backward=mlp_backward_bytes(workload, wide),
        unpacked=unpacked,
    )


def _attention_backward(workload: Workload, targets: Sequence[Cell]) -> float:
    """Return what is added while attention or the norm behind it is differentiated.

    PEFT: the residual's gradient twice; the second norm's copy and what the last matrix kept of its
    input are gone by then.
    """
    attention = attention_backward_bytes(workload)
    if not workload.stack.ours:
        last = [cell for cell in targets if cell.input_group[1]]
        gone = norm_bytes(workload) / 2 + trained_input_bytes(workload, last, mlp=False)
        return attention + 2 * hidden_bytes(workload) - workload.tokens * gone
    return hidden_bytes(workload) + max(attention, norm_backward_bytes(workload))


def norm_bytes(workload: Workload) -> int:
    """Return bytes per token of a block's two norms: an fp32 copy of the input each, 8·h.

    Trained norms (full fine-tuning) also keep their normalised input, 2·e·h. A norm that is one
    kernel keeps its input as it is, trained or not.
    """
    if workload.stack.fused_norms:
        return 2 * workload.residual_element * workload.architecture.hidden_size
    trained = 2 * workload.element if workload.full else 0
    return (8 + trained) * workload.architecture.hidden_size


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
    tables = 2 * workload.element * shape.head_dim * positions
    return FP32 * workload.tokens * shape.hidden_size + tables


def mlp_bytes(workload: Workload) -> int:
    """Return bytes per token of one MLP: gate, activation and up, 3·e·f; without gate 2·e·f."""
    return _branches(workload) * workload.element * mlp_width(workload)


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
    if workload.adapter.method == "dora" and not workload.full:
        return 16 * max(rows * columns for rows, columns in model.target_shapes)
    widened = workload.weight_element * model.widest_matrix
    if workload.method.bits == 16 or buffer_bytes(workload) >= widened:
        return 0
    return widened


def buffer_bytes(workload: Workload) -> int:
    """Return the room that all adapted 4-bit matrices share on a GPU: one of the largest, e·m·n."""
    if workload.on_cpu or not workload.shortened or workload.method.bits != 4:
        return 0
    widest = max(rows * columns for rows, columns in workload.model.target_shapes)
    return workload.element * widest
