"""Builds the base model of a run on the meta device, and shortens it to a few of its blocks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from core.errors import UserError
from core.memory.dry_run.blocks import Kind, kind_of
from core.models.info import ModelInfo, TensorSpec


def build(config: Any, dtype: torch.dtype, *, eager: bool) -> Any:
    """Return the model of a configuration of transformers, on meta.

    Args:
        config: What to build.
        dtype: Number type of its weights.
        eager: It attends with explicit scores.
    """
    try:
        model = _build(config, dtype, "eager" if eager else "sdpa")
    except ValueError:  # Gemma 2 knows no sdpa, but attention by names of ours
        model = _build(config, dtype, "eager")
    for module in model.modules():
        if isinstance(getattr(module, "rope_type", None), str):
            module.rope_type = "default"  # the others look at the positions and scale them
    return model


def _build(config: Any, dtype: torch.dtype, attention: str) -> Any:
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=attention)


def described(info: ModelInfo, model: nn.Module) -> ModelInfo:
    """Return the description with the tensors that `model` has, by the names that it gives them."""
    tensors = tuple(
        TensorSpec(name, tuple(p.shape), "", p.numel() * p.dtype.itemsize)
        for name, p in model.named_parameters()
    )
    transposed = any(type(module).__name__ == "Conv1D" for module in model.modules())
    return replace(info, tensors=tensors, transposed=transposed)


def blocks_list(model: Any) -> tuple[str, nn.ModuleList]:
    """Return the name and the list of the blocks of the decoder, not of a tower.

    Raises:
        UserError: Its blocks are not marked as such.
    """
    decoder = model.get_decoder()
    prefix = next(name for name, module in model.named_modules() if module is decoder)
    for name, module in decoder.named_modules(prefix=prefix):
        blocks = list(module) if isinstance(module, nn.ModuleList) else []
        if blocks and all(isinstance(block, GradientCheckpointingLayer) for block in blocks):
            return name, module
    raise UserError(
        f"{type(model).__name__} does not mark its blocks.", "Plan it with the formulas."
    )


def kinds_of(model: Any, targets: Sequence[str], checkpointed: Sequence[int]) -> list[Kind]:
    """Return the kind of every block: its modules, which of them are adapted, and the rest.

    Args:
        model: The base model.
        targets: Names of the modules that get an adapter.
        checkpointed: Indices of the blocks that compute their activations again.
    """
    prefix, blocks = blocks_list(model)
    adapted: list[list[str]] = [[] for _ in blocks]
    for name in targets:
        number, _, inner = name.removeprefix(f"{prefix}.").partition(".")
        adapted[int(number)].append(inner)
    types = getattr(model.config.get_text_config(), "layer_types", None) or [""] * len(blocks)
    # In backward the lowest block of a type lets go of the mask that all of that type have shared.
    lowest = {types.index(each) for each in set(types)} if len(set(types)) > 1 else set()
    return [
        kind_of(block, tuple(adapted[i]), types[i], i in lowest, i in checkpointed)
        for i, block in enumerate(blocks)
    ]


def shorten(model: Any, chosen: Sequence[int], targets: Sequence[str]) -> list[str]:
    """Leave the model only the chosen blocks; return the targets in them by their new names."""
    prefix, blocks = blocks_list(model)
    kept = [blocks[i] for i in chosen]
    model.set_submodule(prefix, nn.ModuleList(kept))
    config = model.config.get_text_config()
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[i] for i in chosen]
    config.num_hidden_layers = len(kept)
    numbers = {str(old): str(new) for new, old in enumerate(chosen)}
    names = []
    for name in targets:
        number, _, inner = name.removeprefix(f"{prefix}.").partition(".")
        if number in numbers:
            names.append(f"{prefix}.{numbers[number]}.{inner}")
    return names
