"""Bytes of what forward keeps for backward, layer by layer.

T tokens, hidden size h, MLP width f, e bytes per number of the compute type. The terms follow the
autograd graphs of transformers' Llama-like blocks, with adapters as `core.training` or PEFT
computes them: a frozen matrix keeps no input, a norm keeps an fp32 copy of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.memory.attention import attention_backward_bytes, attention_bytes, score_bytes
from core.memory.cells import Cell
from core.memory.inputs import (
    copied_bytes,
    staying_bytes,
    trained_input_bytes,
    unseen_bytes,
)
from core.memory.mlp import dropout_bytes, mlp_backward_bytes, mlp_bytes
from core.memory.norms import first_norm_bytes, norm_backward_bytes, norm_bytes
from core.memory.workload import Workload


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
        unseen: Of what attention and the MLP keep, what is not in autograd's sight: the second
            forward pass of a checkpointed block lets go of it at once.
        stays: What is not in autograd's sight stays from the first forward pass of a checkpointed
            block to its backward pass.
    """

    attention: float
    mlp: float
    attention_backward: float
    mlp_backward: float
    unpacked: float = 0.0
    unseen: tuple[float, float] = (0.0, 0.0)
    stays: float = 0.0

    @property
    def kept(self) -> float:
        """Bytes from forward to backward."""
        return self.attention + self.mlp

    @property
    def live(self) -> float:
        """The peak while this block is differentiated."""
        return max(self.kept + self.mlp_backward, self.attention + self.attention_backward)

    @property
    def again(self) -> float:
        """The same of a checkpointed block, which has been computed once more."""
        attention, mlp = self.unseen
        seen = replace(self, attention=self.attention - attention, mlp=self.mlp - mlp)
        return seen.live + self.unpacked + self.stays


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
    first_norm = workload.tokens * first_norm_bytes(workload)
    return replace(load, attention=load.attention - first_norm)


def _load(workload: Workload, targets: Sequence[Cell]) -> LayerLoad:
    tokens = workload.tokens
    narrow = [cell for cell in targets if not cell.in_mlp]
    wide = [cell for cell in targets if cell.in_mlp]
    four_bit = workload.shortened and workload.method.bits == 4
    unpacked = workload.element * sum(cell.parameters for cell in targets) if four_bit else 0.0
    shared = tokens * _shared_bytes(workload, narrow, wide)
    return LayerLoad(
        attention=tokens
        * (norm_bytes(workload) + attention_bytes(workload) + dropout_bytes(workload))
        + score_bytes(workload)
        + tokens * trained_input_bytes(workload, narrow, mlp=False)
        + copied_bytes(workload, narrow),
        mlp=tokens * (mlp_bytes(workload) + trained_input_bytes(workload, wide, mlp=True))
        - shared
        + copied_bytes(workload, wide),
        attention_backward=_attention_backward(workload, narrow),
        mlp_backward=mlp_backward_bytes(workload, wide),
        unpacked=unpacked,
        unseen=(
            tokens * unseen_bytes(workload, narrow, mlp=False),
            tokens * unseen_bytes(workload, wide, mlp=True),
        ),
        stays=tokens * staying_bytes(workload),
    )


def _shared_bytes(workload: Workload, narrow: Sequence[Cell], wide: Sequence[Cell]) -> int:
    """Return bytes per token of an input that attention and a parallel MLP both keep as it is."""
    shape = workload.architecture
    one = shape.parallel and shape.norms == 1 and workload.shortened
    both = all(any(not cell.input_group[1] for cell in cells) for cells in (narrow, wide))
    return workload.element * shape.hidden_size if one and both else 0


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
