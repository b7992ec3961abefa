"""GPT-NeoX, Phi and Falcon: attention and MLP work on the same hidden states, side by side."""

from typing import Any

from core.models.config import Config
from core.models.families.base import FAMILIES, Family, Layout, Shapes, linear, norm, table
from core.models.info import Architecture

_LAYER_NORM = {"mlp_gated": False, "fused_norms": True}


def _neox(text: Config, a: Architecture) -> Layout:
    hidden, bias = a.hidden_size, text.flag("attention_bias")
    block = (
        *linear("attention.query_key_value", 3 * hidden, hidden, bias=bias),
        *linear("attention.dense", hidden, hidden, bias=bias),
        *linear("mlp.dense_h_to_4h", a.intermediate_size, hidden, bias=True),
        *linear("mlp.dense_4h_to_h", hidden, a.intermediate_size, bias=True),
        *norm("input_layernorm", hidden, bias=True),
        *norm("post_attention_layernorm", hidden, bias=True),
    )
    head = () if a.tied_embeddings else linear("lm_head", a.vocab_size, hidden)
    return Layout(
        before=tuple(table("gpt_neox.embed_in", a.vocab_size, hidden)),
        stem="gpt_neox.layers",
        blocks=[block] * a.layers,
        after=(*norm("gpt_neox.final_layer_norm", hidden, bias=True), *head),
    )


def _phi(text: Config, a: Architecture) -> Layout:
    hidden, queries, keys = a.hidden_size, a.heads * a.head_dim, a.kv_heads * a.head_dim
    block = (
        *linear("self_attn.q_proj", queries, hidden, bias=True),
        *linear("self_attn.k_proj", keys, hidden, bias=True),
        *linear("self_attn.v_proj", keys, hidden, bias=True),
        *linear("self_attn.dense", hidden, queries, bias=True),
        *_phi_query_norms(a),
        *linear("mlp.fc1", a.intermediate_size, hidden, bias=True),
        *linear("mlp.fc2", hidden, a.intermediate_size, bias=True),
        *norm("input_layernorm", hidden, bias=True),
    )
    head = linear("lm_head", a.vocab_size, hidden, bias=True)
    return Layout(
        before=tuple(table("model.embed_tokens", a.vocab_size, hidden)),
        stem="model.layers",
        blocks=[block] * a.layers,
        after=(
            *norm("model.final_layernorm", hidden, bias=True),
            *(
                tensor
                for tensor in head
                if not (a.tied_embeddings and tensor[0].endswith("weight"))
            ),
        ),
    )


def _phi_query_norms(a: Architecture) -> Shapes:
    if a.query_norms:
        yield from norm("self_attn.q_layernorm", a.head_dim, bias=True)
        yield from norm("self_attn.k_layernorm", a.head_dim, bias=True)


def _falcon(text: Config, a: Architecture) -> Layout:
    hidden, bias = a.hidden_size, text.flag("bias")
    made = (a.heads + 2 * a.kv_heads) * a.head_dim
    names = ("ln_attn", "ln_mlp") if _two_norms(text) else ("input_layernorm",)
    if not a.parallel:
        names = ("post_attention_layernorm", "input_layernorm")
    block = (
        *linear("self_attention.query_key_value", made, hidden, bias=bias),
        *linear("self_attention.dense", hidden, hidden, bias=bias),
        *linear("mlp.dense_h_to_4h", a.intermediate_size, hidden, bias=bias),
        *linear("mlp.dense_4h_to_h", hidden, a.intermediate_size, bias=bias),
        *(tensor for name in names for tensor in norm(name, hidden, bias=True)),
    )
    head = () if a.tied_embeddings else linear("lm_head", a.vocab_size, hidden)
    return Layout(
        before=tuple(table("transformer.word_embeddings", a.vocab_size, hidden)),
        stem="transformer.h",
        blocks=[block] * a.layers,
        after=(*norm("transformer.ln_f", hidden, bias=True), *head),
    )


def _two_norms(text: Config) -> bool:
    usual = 2 if text.flag("new_decoder_architecture") else 1
    return text.size("num_ln_in_parallel_attn", default=usual) == 2


def _read_falcon(text: Config) -> dict[str, Any]:
    """Return what only Falcon has; its FalconLinear is no plain Linear for bitsandbytes."""
    new = text.flag("new_decoder_architecture")
    parallel = text.flag("parallel_attn")
    heads = text.size("num_kv_heads", "n_head_kv", default=text.heads)
    return {
        **_LAYER_NORM,
        "quantizable": False,
        "packable": False,
        "intermediate_size": text.size("ffn_hidden_size", default=4 * text.hidden_size),
        "kv_heads": heads if new else 1 if text.flag("multi_query") else text.heads,
        "parallel": parallel,
        "norms": 2 if _two_norms(text) or not parallel else 1,
        "positions": "alibi" if text.flag("alibi") else "rotary",
    }


FAMILIES.register("gpt_neox")(
    Family(
        layout=_neox,
        defaults={
            "attention_bias": True,
            "use_parallel_residual": True,
            "hidden_act": "gelu",
            "max_position_embeddings": 2048,
        },
        read=lambda text: {**_LAYER_NORM, "parallel": text.flag("use_parallel_residual")},
        prefix="gpt_neox",
    )
)
FAMILIES.register("phi")(
    Family(
        layout=_phi,
        defaults={"hidden_act": "gelu_new", "max_position_embeddings": 2048},
        read=lambda text: {
            **_LAYER_NORM,
            "parallel": True,
            "norms": 1,
            "query_norms": text.flag("qk_layernorm"),
        },
    )
)
FAMILIES.register("falcon")(
    Family(
        layout=_falcon,
        defaults={
            "tie_word_embeddings": True,
            "multi_query": True,
            "parallel_attn": True,
            "activation": "gelu",
            "max_position_embeddings": 2048,
        },
        read=_read_falcon,
        prefix="transformer",
    )
)
