"""A GGUF file as a model: the names and dimensions that it will have as a folder."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.models.architecture import read_architecture
from core.models.gguf_header import GgufTensor, read_gguf
from core.models.info import Architecture, ModelInfo, TensorSpec
from core.models.manifest import main_dtype

# Architectures that transformers 5.23 unpacks and whose names we know: GGUF, model_type.
FAMILIES = {
    "llama": "llama",
    "mistral": "mistral",
    "qwen2": "qwen2",
    "qwen2moe": "qwen2_moe",
    "qwen3": "qwen3",
    "qwen3moe": "qwen3_moe",
    "phi3": "phi3",
    "gemma2": "gemma2",
    "gemma3": "gemma3_text",
    "gpt2": "gpt2",
}
_KEYS = {
    "num_hidden_layers": "block_count",
    "hidden_size": "embedding_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "intermediate_size": "feed_forward_length",
    "moe_intermediate_size": "expert_feed_forward_length",
    "max_position_embeddings": "context_length",
    "num_experts": "expert_count",
    "num_experts_per_tok": "expert_used_count",
}
_LLAMA_OUTSIDE = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
_LLAMA_BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_qkv": "self_attn.qkv_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "ffn_gate_inp": "mlp.gate",
    "ffn_gate_exps": "mlp.experts.gate_proj",
    "ffn_up_exps": "mlp.experts.up_proj",
    "ffn_down_exps": "mlp.experts.down_proj",
    "ffn_gate_inp_shexp": "mlp.shared_expert_gate",
    "ffn_gate_shexp": "mlp.shared_expert.gate_proj",
    "ffn_up_shexp": "mlp.shared_expert.up_proj",
    "ffn_down_shexp": "mlp.shared_expert.down_proj",
}
_GEMMA_BLOCK = {
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
_GPT2_OUTSIDE = {
    "token_embd": "transformer.wte",
    "position_embd": "transformer.wpe",
    "output_norm": "transformer.ln_f",
    "output": "lm_head",
}
_GPT2_BLOCK = {
    "attn_norm": "ln_1",
    "attn_qkv": "attn.c_attn",
    "attn_output": "attn.c_proj",
    "ffn_norm": "ln_2",
    "ffn_up": "mlp.c_fc",
    "ffn_down": "mlp.c_proj",
}
_BLOCK = re.compile(r"^blk\.(?P<layer>\d+)\.(?P<part>.+)$")
_NO_PARAMETER = ("rope_freqs", "rope_factors_long", "rope_factors_short")


def open_gguf(file: Path, source: str) -> ModelInfo:
    """Describe the GGUF file `file` from its header.

    Raises:
        UserError: It is damaged, cut off, or of an architecture that we cannot unpack.
    """
    began = time.perf_counter()
    header = read_gguf(file)
    architecture = _architecture(header.metadata, header.tensors, file.name)
    tensors = tuple(
        TensorSpec(hf_name(tensor.name, architecture.family), *_content(tensor))
        for tensor in header.tensors
        if not tensor.name.startswith(_NO_PARAMETER)
        and not (architecture.tied_embeddings and tensor.name == "output.weight")
    )
    return ModelInfo(
        source=source,
        name=file.stem,
        path=str(file),
        kind="gguf",
        architecture=architecture,
        tensors=tensors,
        dtype=main_dtype(tensors),
        licence=str(header.metadata.get("general.license", "")),
        disk_bytes=file.stat().st_size,
        has_chat_template="tokenizer.chat_template" in header.metadata,
        read_ms=(time.perf_counter() - began) * 1000,
        notes=("Unpacked to bf16 once before training; quantized weights stay as coarse as here.",),
    )


def hf_name(name: str, family: str) -> str:
    """Return the Hugging Face name of a GGUF tensor: blk.3.attn_q.weight, for instance.

    An unknown part keeps its name, so that it is counted but never offered as a target.
    """
    gpt2 = family == "gpt2"
    stem, _, ending = name.rpartition(".")
    match = _BLOCK.match(stem)
    if match is None:
        return f"{(_GPT2_OUTSIDE if gpt2 else _LLAMA_OUTSIDE).get(stem, stem)}.{ending}"
    table = _GPT2_BLOCK if gpt2 else _LLAMA_BLOCK
    if family.startswith("gemma"):
        table = table | _GEMMA_BLOCK
    if family == "phi3":
        table = table | {"ffn_up": "mlp.gate_up_proj"}
    part = table.get(match["part"])
    if part is None:
        return name
    blocks = "transformer.h" if gpt2 else "model.layers"
    return f"{blocks}.{match['layer']}.{part}.{ending}"


def _content(tensor: GgufTensor) -> tuple[tuple[int, ...], str, int]:
    return tensor.shape, tensor.dtype, tensor.size_bytes


def _architecture(
    metadata: Mapping[str, Any], tensors: tuple[GgufTensor, ...], name: str
) -> Architecture:
    """Spell the metadata like a config.json, then read that."""
    kind = str(metadata.get("general.architecture", ""))
    if kind not in FAMILIES:
        known = ", ".join(sorted(FAMILIES))
        raise UserError(
            f"{name} has the architecture {kind!r}, which cannot be unpacked.",
            f"Known in GGUF files: {known}.",
        )
    shapes = {tensor.name: tensor.shape for tensor in tensors}
    config: dict[str, Any] = {
        key: _first(metadata[f"{kind}.{ending}"])
        for key, ending in _KEYS.items()
        if f"{kind}.{ending}" in metadata
    }
    config["model_type"] = (
        "mixtral" if kind == "llama" and "num_experts" in config else FAMILIES[kind]
    )
    config["vocab_size"] = next(iter(shapes.get("token_embd.weight", ())), None)
    config["tie_word_embeddings"] = "output.weight" not in shapes
    if config["model_type"] == "mixtral":
        config["num_local_experts"] = config.pop("num_experts")
    return read_architecture(config, name)


def _first(value: Any) -> Any:
    """Return a number that some files give once per layer."""
    return value[0] if isinstance(value, list) and value else value
