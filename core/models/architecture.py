"""The dimensions of a model from its config.json, for the usual families and their spellings."""

from collections.abc import Mapping
from typing import Any

from core.errors import UserError
from core.models.info import Architecture

SPELLINGS = {
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
_GEMMA_3 = {
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "vocab_size": 262_208,
    "max_position_embeddings": 131_072,
}
_TIED = ("gpt2", "opt", "falcon", "bloom", "gpt_neo", "gpt_bigcode", "starcoder2")
# What config.json leaves out because it equals the default of the class in transformers 5.23.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "gemma": {"head_dim": 256, "tie_word_embeddings": True},
    "gemma2": {"head_dim": 256, "tie_word_embeddings": True},
    "gemma3_text": {**_GEMMA_3, "head_dim": 256, "tie_word_embeddings": True},
    "qwen3": {"head_dim": 128},
    "qwen3_moe": {"num_experts": 128, "num_experts_per_tok": 8},
    "qwen2_moe": {"num_experts": 60, "num_experts_per_tok": 4},
    "mixtral": {"num_local_experts": 8, "num_experts_per_tok": 2},
    **{family: {"tie_word_embeddings": True} for family in _TIED},
}
_PLAIN_MLP = {*_TIED, "gptj", "gpt_neox", "phi", "nemotron"}
_WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
_MAX_LAYERS = 10_000
_MAX_SIZE = 1 << 31
_HINT = "Choose a language model in the Hugging Face layout, such as a Llama, Qwen or Gemma."


def text_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part that describes the language model; Gemma 3 and others nest it."""
    nested = config.get("text_config")
    text = dict(nested) if isinstance(nested, dict) else dict(config)
    family = str(text.get("model_type") or config.get("model_type") or "")
    text["model_type"] = "gemma3_text" if family == "gemma3" else family
    given = {key: value for key, value in text.items() if value is not None}
    return {**_DEFAULTS.get(text["model_type"], {}), **given}


def read_architecture(config: Mapping[str, Any], name: str) -> Architecture:
    """Return the dimensions that `config` declares.

    Args:
        config: The content of config.json.
        name: The model's name, for the messages.

    Raises:
        UserError: It is no model that writes text, or a needed number is missing or absurd.
    """
    text = text_config(config)
    _check_kind(config, text, name)
    layers = _number(text, "layers", name, most=_MAX_LAYERS)
    hidden = _number(text, "hidden_size", name)
    heads = _number(text, "heads", name)
    experts = _number(text, "experts", name, default=0)
    return Architecture(
        family=text["model_type"],
        layers=layers,
        hidden_size=hidden,
        heads=heads,
        kv_heads=_kv_heads(text, name, heads),
        head_dim=_number(text, "head_dim", name, default=max(1, hidden // heads)),
        intermediate_size=_intermediate_size(text, name, hidden, experts),
        vocab_size=_number(text, "vocab_size", name),
        context_length=_number(text, "context_length", name, default=2048),
        tied_embeddings=bool(config.get("tie_word_embeddings", text.get("tie_word_embeddings"))),
        mlp_gated=text["model_type"] not in _PLAIN_MLP,
        experts=experts,
        experts_per_token=_number(text, "experts_per_token", name, default=0),
    )


def _check_kind(config: Mapping[str, Any], text: Mapping[str, Any], name: str) -> None:
    if not text["model_type"]:
        raise UserError(f"config.json of {name} does not say which family it is.", _HINT)
    classes = config.get("architectures")
    known = isinstance(classes, list) and classes
    writes = not known or any(str(kind).endswith(_WRITERS) for kind in classes or ())
    if config.get("is_encoder_decoder") or not writes:
        kind = classes[0] if known and classes else text["model_type"]
        raise UserError(f"{name} is no language model of the decoder kind, but a {kind}.", _HINT)
    quantization = config.get("quantization_config")
    if quantization:
        method = quantization.get("quant_method") if isinstance(quantization, dict) else None
        raise UserError(
            f"The weights of {name} are already quantized ({method or 'unknown method'}).",
            "Choose the original model: Rankscope quantizes it while loading.",
        )


def _kv_heads(text: Mapping[str, Any], name: str, heads: int) -> int:
    if text.get("multi_query") and not text.get("new_decoder_architecture"):  # Falcon, StarCoder
        return 1
    return _number(text, "kv_heads", name, default=heads)


def _intermediate_size(text: Mapping[str, Any], name: str, hidden: int, experts: int) -> int:
    if experts and text.get("moe_intermediate_size"):
        text = {"intermediate_size": text["moe_intermediate_size"]}
    return _number(text, "intermediate_size", name, default=4 * hidden)


def _number(
    text: Mapping[str, Any],
    what: str,
    name: str,
    *,
    default: int | None = None,
    most: int = _MAX_SIZE,
) -> int:
    """Return the number that is spelt in one of several ways."""
    keys = SPELLINGS[what]
    key = next((key for key in keys if key in text), None)
    if key is None:
        if default is None:
            raise UserError(f"config.json of {name} has no {keys[0]}.", _HINT)
        return default
    value = text[key]
    least = 0 if default == 0 else 1
    if type(value) is not int or not least <= value <= most:
        raise UserError(f"config.json of {name} gives {key} = {value!r}.", _HINT)
    return value
