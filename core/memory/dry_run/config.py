"""The configuration of transformers for a model of which only the dimensions are known."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PreTrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from core.errors import UserError
from core.models.architecture import read_architecture
from core.models.folder import CONFIG
from core.models.info import Architecture, ModelInfo
from core.models.load import safe_config, without_suspicious

_SPELLINGS = {
    "layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "hidden_size": ("hidden_size", "n_embd", "d_model"),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads"),
    "head_dim": ("head_dim",),
    "intermediate_size": ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"),
    "vocab_size": ("vocab_size",),
    "context_length": ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
    "experts": ("num_local_experts", "num_experts", "n_routed_experts"),
    "experts_per_token": ("num_experts_per_tok", "moe_topk"),
}
_NO_TOKENS = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))


def config_of(model: ModelInfo | Architecture | Mapping[str, Any]) -> PreTrainedConfig:
    """Return the configuration of a model folder, of a config.json, or of bare dimensions.

    Raises:
        UserError: The family is unknown to transformers, or a value is of the wrong kind.
    """
    if isinstance(model, ModelInfo):
        folder = Path(model.path)
        if model.path and (folder / CONFIG).is_file():
            return safe_config(folder)
        model = model.architecture
    try:
        if isinstance(model, Architecture):
            return _from_dimensions(model)
        content = without_suspicious(model)
        return AutoConfig.for_model(content.pop("model_type"), **content)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"transformers cannot build this model: {error}",
            "The formulas plan it as well: leave --dry-run out.",
        ) from error


def info_of(model: ModelInfo | Architecture | Mapping[str, Any]) -> ModelInfo:
    """Return the description of a model of which only config.json or the dimensions are known."""
    if isinstance(model, ModelInfo):
        return model
    shape = model if isinstance(model, Architecture) else read_architecture(model, "the model")
    return ModelInfo(
        source="",
        name=shape.family,
        path="",
        kind="shape",
        architecture=shape,
        tensors=(),
        dtype="",
    )


def _from_dimensions(shape: Architecture) -> PreTrainedConfig:
    """Return the configuration, its keys spelt as the family spells them."""
    kind = CONFIG_MAPPING[shape.family]
    known = {field.name for field in dataclasses.fields(kind)}
    content: dict[str, Any] = {"tie_word_embeddings": shape.tied_embeddings, **_NO_TOKENS}
    for name, spellings in _SPELLINGS.items():
        if name == "intermediate_size" and shape.experts:
            spellings = ("moe_intermediate_size", *spellings)
        spelling = next((each for each in spellings if each in known), None)
        if spelling:
            content[spelling] = getattr(shape, name)
    if "multi_query" in known:  # Falcon, StarCoder
        content["multi_query"] = shape.kv_heads == 1
    if "new_decoder_architecture" in known:
        content["new_decoder_architecture"] = 1 < shape.kv_heads < shape.heads
    return kind(**content)
