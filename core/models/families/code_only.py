"""Qwen 1 and Baichuan, published as code beside their weights.

transformers has no such modules and Rankscope runs no code out of a model folder, so these can be
planned, not trained. Names and shapes are those of the code that was published with them.
"""

from typing import Any

from core.models.config import Config
from core.models.families.base import FAMILIES, Family, Layout, linear, norm, table
from core.models.info import Architecture


def _qwen(text: Config, a: Architecture) -> Layout:
    hidden, inner, queries = a.hidden_size, a.intermediate_size, a.heads * a.head_dim
    bias = not text.flag("no_bias")
    block = (
        *norm("ln_1", hidden),
        *linear("attn.c_attn", 3 * queries, hidden, bias=True),
        *linear("attn.c_proj", hidden, queries, bias=bias),
        *norm("ln_2", hidden),
        *linear("mlp.w1", inner, hidden, bias=bias),
        *linear("mlp.w2", inner, hidden, bias=bias),
        *linear("mlp.c_proj", hidden, inner, bias=bias),
    )
    return Layout(
        before=tuple(table("transformer.wte", a.vocab_size, hidden)),
        stem="transformer.h",
        blocks=[block] * a.layers,
        after=(
            *norm("transformer.ln_f", hidden),
            *linear("lm_head", a.vocab_size, hidden),
        ),
    )


def _baichuan(text: Config, a: Architecture) -> Layout:
    hidden, inner = a.hidden_size, a.intermediate_size
    block = (
        *linear("self_attn.W_pack", 3 * hidden, hidden),
        *linear("self_attn.o_proj", hidden, hidden),
        *linear("mlp.gate_proj", inner, hidden),
        *linear("mlp.down_proj", hidden, inner),
        *linear("mlp.up_proj", inner, hidden),
        *norm("input_layernorm", hidden),
        *norm("post_attention_layernorm", hidden),
    )
    return Layout(
        before=tuple(table("model.embed_tokens", a.vocab_size, hidden)),
        stem="model.layers",
        blocks=[block] * a.layers,
        after=(*norm("model.norm", hidden), *linear("lm_head", a.vocab_size, hidden)),
    )


def _read_qwen(text: Config) -> dict[str, Any]:
    """Return the width of one branch: config.json gives that of both."""
    return {
        "intermediate_size": max(1, text.size("intermediate_size") // 2),
        "tied_embeddings": False,
    }


def _read_baichuan(text: Config) -> dict[str, Any]:
    """Return what the 7B and the 13B differ in; only the 7B names positions, as it rotates."""
    rotary = text.values.get("max_position_embeddings") is not None
    return {"positions": "rotary" if rotary else "alibi", "tied_embeddings": False}


FAMILIES.register("qwen")(
    Family(
        layout=_qwen,
        defaults={"no_bias": True, "hidden_act": "silu"},
        read=_read_qwen,
        prefix="transformer",
        code_only=True,
    )
)
FAMILIES.register("baichuan")(
    Family(layout=_baichuan, defaults={"hidden_act": "silu"}, read=_read_baichuan, code_only=True)
)
