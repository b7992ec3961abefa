"""GPT-2, whose matrices are Conv1D, and GPT-BigCode, the same with Linear and shared keys."""

from functools import partial
from typing import Any

from core.models.config import Config
from core.models.families.base import FAMILIES, Block, Family, Layout, Shapes, linear, norm, table
from core.models.info import Architecture

_DEFAULTS = {
    "tie_word_embeddings": True,
    "n_positions": 1024,
    "activation_function": "gelu_new",
    "resid_pdrop": 0.1,
    "attn_pdrop": 0.1,
}


def _read(text: Config) -> dict[str, Any]:
    return {
        "mlp_gated": False,
        "fused_norms": True,
        "positions": "learned",
        "intermediate_size": text.size("n_inner", default=4 * text.hidden_size),
        "kv_heads": 1 if text.flag("multi_query") else text.heads,
    }


def _layout(text: Config, a: Architecture, *, transposed: bool) -> Layout:
    block: Block = (
        *_matrices(a, transposed=transposed),
        *norm("ln_1", a.hidden_size, bias=True),
        *norm("ln_2", a.hidden_size, bias=True),
    )
    head = () if a.tied_embeddings else linear("lm_head", a.vocab_size, a.hidden_size)
    return Layout(
        before=(
            *table("transformer.wte", a.vocab_size, a.hidden_size),
            *table("transformer.wpe", a.context_length, a.hidden_size),
        ),
        stem="transformer.h",
        blocks=[block] * a.layers,
        after=(*norm("transformer.ln_f", a.hidden_size, bias=True), *head),
    )


def _matrices(a: Architecture, *, transposed: bool) -> Shapes:
    hidden, inner = a.hidden_size, a.intermediate_size
    sides = {
        "attn.c_attn": (hidden + 2 * a.kv_heads * a.head_dim, hidden),
        "attn.c_proj": (hidden, hidden),
        "mlp.c_fc": (inner, hidden),
        "mlp.c_proj": (hidden, inner),
    }
    for name, (rows, columns) in sides.items():
        yield f"{name}.weight", (columns, rows) if transposed else (rows, columns)
        yield f"{name}.bias", (rows,)


FAMILIES.register("gpt2")(
    Family(
        layout=partial(_layout, transposed=True),
        defaults=_DEFAULTS,
        read=_read,
        prefix="transformer",
        transposed=True,
    )
)
FAMILIES.register("gpt_bigcode")(
    Family(
        layout=partial(_layout, transposed=False),
        defaults={**_DEFAULTS, "activation_function": "gelu_pytorch_tanh", "multi_query": True},
        read=_read,
        prefix="transformer",
    )
)
