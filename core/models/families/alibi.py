"""BLOOM and MPT: positions are a slope on the attention scores (ALiBi, arXiv:2108.12409)."""

from core.models.config import Config
from core.models.families.base import FAMILIES, Family, Layout, linear, norm, table
from core.models.info import Architecture

_TRAITS = {
    "mlp_gated": False,
    "fused_norms": True,
    "positions": "alibi",
    "activation": "gelu",
    "packable": False,
    "scores_made": True,
}


def _bloom(text: Config, a: Architecture) -> Layout:
    hidden = a.hidden_size
    block = (
        *linear("self_attention.query_key_value", 3 * hidden, hidden, bias=True),
        *linear("self_attention.dense", hidden, hidden, bias=True),
        *linear("mlp.dense_h_to_4h", 4 * hidden, hidden, bias=True),
        *linear("mlp.dense_4h_to_h", hidden, 4 * hidden, bias=True),
        *norm("input_layernorm", hidden, bias=True),
        *norm("post_attention_layernorm", hidden, bias=True),
    )
    head = () if a.tied_embeddings else linear("lm_head", a.vocab_size, hidden)
    return Layout(
        before=(
            *table("transformer.word_embeddings", a.vocab_size, hidden),
            *norm("transformer.word_embeddings_layernorm", hidden, bias=True),
        ),
        stem="transformer.h",
        blocks=[block] * a.layers,
        after=(*norm("transformer.ln_f", hidden, bias=True), *head),
    )


def _mpt(text: Config, a: Architecture) -> Layout:
    hidden = a.hidden_size
    block = (
        *linear("attn.Wqkv", 3 * hidden, hidden),
        *linear("attn.out_proj", hidden, hidden),
        *linear("ffn.up_proj", 4 * hidden, hidden),
        *linear("ffn.down_proj", hidden, 4 * hidden),
        *norm("norm_1", hidden),
        *norm("norm_2", hidden),
    )
    head = () if a.tied_embeddings else linear("lm_head", a.vocab_size, hidden)
    return Layout(
        before=tuple(table("transformer.wte", a.vocab_size, hidden)),
        stem="transformer.blocks",
        blocks=[block] * a.layers,
        after=(*norm("transformer.norm_f", hidden), *head),
    )


FAMILIES.register("bloom")(
    Family(
        layout=_bloom,
        defaults={"tie_word_embeddings": True},
        read=lambda text: {**_TRAITS, "intermediate_size": 4 * text.hidden_size},
        prefix="transformer",
    )
)
FAMILIES.register("mpt")(
    Family(
        layout=_mpt,
        defaults={"tie_word_embeddings": True, "max_seq_len": 2048},
        read=lambda text: {**_TRAITS, "intermediate_size": 4 * text.hidden_size},
        prefix="transformer",
    )
)
