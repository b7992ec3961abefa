"""The weight manifest that a config.json promises, for planning before anything is downloaded.

Names and shapes are those of the modules in transformers 5.23 (compared with them in the tests).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import UserError
from core.models.architecture import text_config
from core.models.info import Architecture, TensorSpec

_LLAMA_LIKE = {
    "llama", "mistral", "ministral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3",
}  # fmt: skip
_DTYPES = {"bfloat16": ("BF16", 2), "float16": ("F16", 2), "float32": ("F32", 4)}

Shapes = Iterator[tuple[str, tuple[int, ...]]]


def expected_tensors(
    config: Mapping[str, Any], architecture: Architecture
) -> tuple[TensorSpec, ...]:
    """Return the tensors of the model that `config` describes.

    Raises:
        UserError: The family is not one whose tensors we can derive.
    """
    text = text_config(config)
    if architecture.family in _LLAMA_LIKE:
        prefix = "model.language_model." if "text_config" in config else "model."
        shapes = _llama_like(text, architecture, prefix)
    elif architecture.family == "gpt2":
        shapes = _gpt2(architecture)
    else:
        raise UserError(
            f"The tensors of the family {architecture.family!r} cannot be told from config.json.",
            "Put the safetensors files beside it; their headers are enough.",
        )
    dtype, size = _DTYPES.get(str(text.get("dtype") or text.get("torch_dtype")), ("BF16", 2))
    specs = (TensorSpec(name, shape, dtype, size) for name, shape in shapes)
    return tuple(TensorSpec(s.name, s.shape, s.dtype, s.parameters * size) for s in specs)


def _llama_like(text: Mapping[str, Any], a: Architecture, prefix: str) -> Shapes:
    yield f"{prefix}embed_tokens.weight", (a.vocab_size, a.hidden_size)
    for layer in range(a.layers):
        block = f"{prefix}layers.{layer}."
        yield from ((f"{block}{name}", shape) for name, shape in _attention(text, a))
        yield from ((f"{block}{name}", shape) for name, shape in _mlp(text, a))
        for norm in _norms(a.family):
            yield f"{block}{norm}.weight", (a.hidden_size,)
    yield f"{prefix}norm.weight", (a.hidden_size,)
    if not a.tied_embeddings:
        yield "lm_head.weight", (a.vocab_size, a.hidden_size)


def _attention(text: Mapping[str, Any], a: Architecture) -> Shapes:
    queries, keys = a.heads * a.head_dim, a.kv_heads * a.head_dim
    if a.family == "phi3":
        yield "self_attn.qkv_proj.weight", (queries + 2 * keys, a.hidden_size)
        yield "self_attn.o_proj.weight", (a.hidden_size, queries)
        return
    everywhere = bool(text.get("attention_bias"))
    for name, out in (("q_proj", queries), ("k_proj", keys), ("v_proj", keys)):
        yield f"self_attn.{name}.weight", (out, a.hidden_size)
        if everywhere or a.family == "qwen2":
            yield f"self_attn.{name}.bias", (out,)
    yield "self_attn.o_proj.weight", (a.hidden_size, queries)
    if everywhere:
        yield "self_attn.o_proj.bias", (a.hidden_size,)
    if a.family in ("qwen3", "gemma3_text"):
        yield "self_attn.q_norm.weight", (a.head_dim,)
        yield "self_attn.k_norm.weight", (a.head_dim,)


def _mlp(text: Mapping[str, Any], a: Architecture) -> Shapes:
    if a.family == "phi3":
        yield "mlp.gate_up_proj.weight", (2 * a.intermediate_size, a.hidden_size)
    else:
        for name in ("gate_proj", "up_proj"):
            yield f"mlp.{name}.weight", (a.intermediate_size, a.hidden_size)
            if text.get("mlp_bias"):
                yield f"mlp.{name}.bias", (a.intermediate_size,)
    yield "mlp.down_proj.weight", (a.hidden_size, a.intermediate_size)
    if text.get("mlp_bias"):
        yield "mlp.down_proj.bias", (a.hidden_size,)


def _norms(family: str) -> tuple[str, ...]:
    if family in ("gemma2", "gemma3_text"):
        around_mlp = ("pre_feedforward_layernorm", "post_feedforward_layernorm")
        return ("input_layernorm", "post_attention_layernorm", *around_mlp)
    return ("input_layernorm", "post_attention_layernorm")


def _gpt2(a: Architecture) -> Shapes:
    """GPT-2 keeps its matrices as (in, out): Conv1D."""
    hidden, inner = a.hidden_size, a.intermediate_size
    yield "transformer.wte.weight", (a.vocab_size, hidden)
    yield "transformer.wpe.weight", (a.context_length, hidden)
    matrices = {
        "attn.c_attn": (hidden, 3 * hidden),
        "attn.c_proj": (hidden, hidden),
        "mlp.c_fc": (hidden, inner),
        "mlp.c_proj": (inner, hidden),
    }
    norms = [f"transformer.h.{layer}.ln_{i}" for layer in range(a.layers) for i in (1, 2)]
    for layer in range(a.layers):
        for name, shape in matrices.items():
            yield f"transformer.h.{layer}.{name}.weight", shape
            yield f"transformer.h.{layer}.{name}.bias", shape[1:]
    for norm in [*norms, "transformer.ln_f"]:
        yield f"{norm}.weight", (hidden,)
        yield f"{norm}.bias", (hidden,)
