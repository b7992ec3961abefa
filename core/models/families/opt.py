"""OPT: learned positions, ReLU, and in its 350M a narrower embedding."""

from core.models.config import Config
from core.models.families.base import FAMILIES, Family, Layout, Shapes, linear, norm, table
from core.models.info import Architecture

_OFFSET = 2  # positions begin behind two that are never used


def _layout(text: Config, a: Architecture) -> Layout:
    hidden, bias = a.hidden_size, text.flag("enable_bias")
    block = (
        *linear("self_attn.k_proj", hidden, hidden, bias=bias),
        *linear("self_attn.v_proj", hidden, hidden, bias=bias),
        *linear("self_attn.q_proj", hidden, hidden, bias=bias),
        *linear("self_attn.out_proj", hidden, hidden, bias=bias),
        *_norm(text, "self_attn_layer_norm", hidden),
        *linear("fc1", a.intermediate_size, hidden, bias=bias),
        *linear("fc2", hidden, a.intermediate_size, bias=bias),
        *_norm(text, "final_layer_norm", hidden),
    )
    words = text.size("word_embed_proj_dim", default=hidden)
    head = () if a.tied_embeddings else linear("lm_head", a.vocab_size, words)
    return Layout(
        before=(
            *table("model.decoder.embed_tokens", a.vocab_size, words),
            *table("model.decoder.embed_positions", a.context_length + _OFFSET, hidden),
            *_projections(hidden, words),
            *(_norm(text, "model.decoder.final_layer_norm", hidden) if _has_end(text) else ()),
        ),
        stem="model.decoder.layers",
        blocks=[block] * a.layers,
        after=tuple(head),
    )


def _norm(text: Config, name: str, hidden: int) -> Shapes:
    if text.flag("layer_norm_elementwise_affine"):
        yield from norm(name, hidden, bias=True)


def _projections(hidden: int, words: int) -> Shapes:
    if words != hidden:
        yield from linear("model.decoder.project_out", words, hidden)
        yield from linear("model.decoder.project_in", hidden, words)


def _has_end(text: Config) -> bool:
    return text.flag("do_layer_norm_before") and not text.flag("_remove_final_layer_norm")


FAMILIES.register("opt")(
    Family(
        layout=_layout,
        defaults={
            "tie_word_embeddings": True,
            "enable_bias": True,
            "layer_norm_elementwise_affine": True,
            "do_layer_norm_before": True,
            "max_position_embeddings": 2048,
            "activation_function": "relu",
            "dropout": 0.1,
        },
        read=lambda _: {"mlp_gated": False, "fused_norms": True, "positions": "learned"},
    )
)
