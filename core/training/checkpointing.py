"""Gradient checkpointing block by block (Chen et al. 2016, arXiv:1604.06174).

A checkpointed block forgets what it computed and computes it once more just before its backward
pass: the same numbers in the same order, at the price of a second forward pass. `core.memory` tells
how many blocks need it; here it is switched on for exactly those.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from peft import PeftModel


def checkpoint_blocks(model: "PeftModel", wanted: Literal["off", "auto", "all"] | int) -> int:
    """Let the lowest blocks that backward reaches compute their activations again.

    Blocks below the first adapter keep nothing, so that there is nothing to save. The switch of
    transformers' models is left alone: it would ask for a gradient down to the embeddings, and with
    that for all that those blocks compute.

    Args:
        model: The adapted model.
        wanted: "all", "off" or how many of them. "auto" is none: a run puts a number in its place
            (`core.training.start`), and without a device to fit there is nothing to save.

    Returns:
        How many blocks are checkpointed.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    decoder: Any = model.get_base_model().get_decoder()
    blocks = [m for m in decoder.modules() if isinstance(m, GradientCheckpointingLayer)]
    adapted = [i for i, block in enumerate(blocks) if _is_trained(block)]
    trained = blocks[adapted[0] :] if adapted else []
    named = {"off": 0, "auto": 0, "all": len(trained)}
    chosen = trained[: named[wanted] if isinstance(wanted, str) else wanted]
    for block in chosen:
        block._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)
        block.gradient_checkpointing = True
    return len(chosen)


def _is_trained(block: Any) -> bool:
    return any(parameter.requires_grad for parameter in block.parameters())
