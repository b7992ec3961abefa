"""Bytes of what forward keeps for backward, layer by layer.

T tokens, hidden size h, MLP width f, query width q = heads × head size, key width k, e bytes per
number of the compute type. The terms follow the autograd graphs of transformers' Llama-like blocks
with PEFT's LoRA layers: a frozen matrix keeps no input, a norm keeps an fp32 copy of its own, an
adapter keeps its input in fp32.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.adapters.base import LowRankSettings
from core.memory.trained import ADAPTER_ELEMENT
from core.memory.workload import Cell, Workload


@dataclass(frozen=True)
class LayerLoad:
    """One block: what its forward pass keeps, and what its backward pass adds (all in bytes).

    Attributes:
        attention: Kept by norms and attention.
        mlp: Kept by the MLP; freed before the backward pass reaches attention.
        attention_backward: Temporary while the scores are differentiated.
        mlp_backward: Temporary while the MLP is differentiated.
    """

    attention: float
    mlp: float
    attention_backward: float
    mlp_backward: float

    @property
    def kept(self) -> float:
        """Bytes from forward to backward."""
        return self.attention + self.mlp

    @property
    def live(self) -> float:
        """The peak while this block is differentiated."""
        return max(self.kept + self.mlp_backward, self.attention + self.attention_backward)


def checkpoint_bytes(workload: Workload) -> int:
    """Return the hidden states that checkpointing keeps: (L + 1)·T·h·e, one per block boundary."""
    shape = workload.architecture
    return (shape.layers + 1) * workload.tokens * shape.hidden_size * workload.element


def layer_loads(workload: Workload) -> tuple[LayerLoad, ...]:
    """Return the load of every block; they differ where their targets do."""
    if workload.full:
        return (_load(workload, ()),) * workload.architecture.layers
    model = workload.model
    loads = {layer: _load(workload, model.target_layers[layer]) for layer in set(model.twins)}
    return tuple(loads[layer] for layer in model.twins)


def _load(workload: Workload, targets: Sequence[Cell]) -> LayerLoad:
    tokens = workload.tokens
    narrow = [cell for cell in targets if not _in_mlp(cell)]
    wide = [cell for cell in targets if _in_mlp(cell)]
    return LayerLoad(
        attention=tokens * (norm_bytes(workload) + attention_bytes(workload))
        + score_bytes(workload)
        + tokens * trained_input_bytes(workload, narrow, mlp=False),
        mlp=tokens * (mlp_bytes(workload) + trained_input_bytes(workload, wide, mlp=True)),
        attention_backward=score_backward_bytes(workload),
        mlp_backward=mlp_backward_bytes(workload),
    )


def norm_bytes(workload: Workload) -> int:
    """Return bytes per token of a block's two norms: an fp32 copy of the input each, 8·h.

    Trained norms (full fine-tuning) also keep their normalised input, 2·e·h.
    """
    trained = 2 * workload.element if workload.full else 0
    return (8 + trained) * workload.architecture.hidden_size


def attention_bytes(workload: Workload) -> int:
    """Return bytes per token of attention without its scores.

    sdpa: q and the output, 2·e·q, k and v, 2·e·k, and the kernel's log-sum-exp, 4 B per head. With
    grouped queries k and v are repeated to 2·e·q where a mask is there (transformers'
    `use_gqa_in_sdpa`); of a single head the repetition is a view. Eager keeps q and the repeated k
    and v, 3·e·q, but not its output. Checked against a fake-tensor trace: equal to 0.1 %.
    """
    shape, element = workload.architecture, workload.element
    query, key = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    if workload.attention == "eager":
        return 3 * element * query
    repeats = workload.attention == "sdpa" and workload.padded and shape.kv_heads > 1
    return element * (2 * query + 2 * (query if repeats else key)) + 4 * shape.heads


def _scores(workload: Workload) -> int:
    """Number of attention scores of one block: b·heads·s²."""
    return workload.rows * workload.architecture.heads * workload.length**2


def score_bytes(workload: Workload) -> int:
    """Return the bytes of scores that one block keeps.

    Eager keeps the softmax in fp32 and, where the compute type is another, once more in that. sdpa
    keeps no scores, but a mask of b·s² numbers where rows are padded.
    """
    element = workload.element
    if workload.attention == "eager":
        return _scores(workload) * (4 + (element if element < 4 else 0))
    if workload.attention == "sdpa" and workload.padded:
        return element * workload.rows * workload.length**2
    return 0


def score_backward_bytes(workload: Workload) -> int:
    """Return what the backward pass of the eager softmax adds to the scores kept.

    Its gradient and its result in fp32, 8 B per score. CUDA holds one more of the compute type:
    in 16 bits it takes the place of the probabilities' copy, which is freed by then.
    """
    if workload.attention != "eager":
        return 0
    return _scores(workload) * (12 if workload.element == 4 and not workload.on_cpu else 8)


def mlp_width(workload: Workload) -> int:
    """Return f per token: the width of the MLP, times the experts that a token passes."""
    shape = workload.architecture
    return shape.intermediate_size * max(1, shape.experts_per_token)


def mlp_bytes(workload: Workload) -> int:
    """Return bytes per token of one MLP: gate, activation and up, 3·e·f; without gate 2·e·f."""
    branches = 3 if workload.architecture.mlp_gated else 2
    return branches * workload.element * mlp_width(workload)


def mlp_backward_bytes(workload: Workload) -> int:
    """Return what the backward pass of one MLP adds to what it keeps.

    The residual's gradient twice, 2·e·h per token, and then the larger of two moments: the
    gradients of the branches, 3·e·f (2·e·f without gate), or, while the last matrix is
    differentiated, the gradient of its input, e·f, and the matrix itself where it has to be
    widened.
    """
    shape, element = workload.architecture, workload.element
    branches = (3 if shape.mlp_gated else 2) * element
    inputs = workload.tokens * mlp_width(workload)
    widest = max(inputs * branches, inputs * element + widened_bytes(workload))
    return workload.tokens * 2 * element * shape.hidden_size + widest


def widened_bytes(workload: Workload) -> int:
    """Return the temporary of one matrix in the compute type, which quantized ones are widened to.

    DoRA measures the rows of W + s·B·A, for which four fp32 matrices are alive (PEFT's
    `DoraLinearLayer`).
    """
    model = workload.model
    if workload.adapter.method == "dora" and not workload.full:
        return 16 * max(rows * columns for rows, columns in model.target_shapes)
    return workload.element * model.widest_matrix if workload.method.bits < 16 else 0


def trained_input_bytes(workload: Workload, targets: Sequence[Cell], *, mlp: bool) -> float:
    """Return bytes per token of the inputs that weights or quantized products keep."""
    if workload.full:
        return all_input_bytes(workload, mlp=mlp)
    kept = adapter_input_bytes(workload, targets)
    if workload.method.bits == 8:
        kept += all_input_bytes(workload, mlp=mlp)
    return kept


def all_input_bytes(workload: Workload, *, mlp: bool) -> int:
    """Return bytes per token where every matrix keeps its input, in the compute type.

    q, k, v share one input and so do gate and up, e·h each; the last matrix of the MLP has e·f, and
    that of attention reads the output that sdpa keeps anyway (eager: e·q). That holds in full
    fine-tuning and for LLM.int8, whose `MatMul8bitLt` keeps the input of every product.
    """
    shape = workload.architecture
    output = shape.heads * shape.head_dim if workload.attention == "eager" else 0
    inner = mlp_width(workload) if mlp else output
    return workload.element * (shape.hidden_size + inner)


def adapter_input_bytes(workload: Workload, targets: Sequence[Cell]) -> float:
    """Return bytes per token that the adapters of a block keep.

    Every adapter casts its input to fp32 for itself, 4·n; of an input that is fp32 already they
    keep the tensor itself, so that those which read the same one share it. Dropout gives each its
    own copy and a mask. The inner activation is 4·r. DoRA keeps both outputs that its magnitude
    scales: (4 + e)·m.
    """
    settings = workload.adapter
    rank, dropout = 0, 0.0
    if isinstance(settings, LowRankSettings):
        rank, dropout = settings.rank, settings.dropout
    if workload.element == ADAPTER_ELEMENT and not dropout:
        inputs = _shared_inputs(workload, targets)
    else:
        inputs = sum(cell.routed * cell.shape[1] for cell in targets)
    mask = 0 if not dropout else (4 if workload.on_cpu else 1)
    outputs = ADAPTER_ELEMENT + workload.element if settings.method == "dora" else 0
    own = sum(cell.routed * (ADAPTER_ELEMENT * rank + outputs * cell.shape[0]) for cell in targets)
    return (ADAPTER_ELEMENT + mask) * inputs + own


def _shared_inputs(workload: Workload, targets: Sequence[Cell]) -> int:
    """Return the elements per token of the distinct inputs; sdpa keeps its output by itself."""
    inputs: dict[tuple[str, bool], int] = {}
    for cell in targets:
        is_output = cell.input_group[1] and not _in_mlp(cell)
        if workload.attention == "eager" or not is_output:
            inputs[cell.input_group] = cell.routed * cell.shape[1]
    return sum(inputs.values())


def _in_mlp(cell: Cell) -> bool:
    """Whether a matrix belongs to the MLP: nothing in its name says attention."""
    stem, _, label = cell.kind.rpartition(".")
    return "attn" not in stem and "attention" not in stem and label not in ("c_attn", "qkv_proj")
