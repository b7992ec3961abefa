"""GPT-Neo and GPT-J of EleutherAI, the first copies of GPT-2 and GPT-3."""

from collections.abc import Iterable
from typing import Any

from core.models.config import Config
from core.models.families.base import (
    FAMILIES,
    Block,
    Family,
    Layout,
    Shapes,
    Tensor,
    linear,
    norm,
    table,
)
from core.models.info import Architecture


def _neo(text: Config, a: Architecture) -> Layout:
    hidden = a.hidden_size
    block = (
        *_attention("attn.attention", hidden, bias=True),
        *linear("mlp.c_fc", a.intermediate_size, hidden, bias=True),
        *linear("mlp.c_proj", hidden, a.intermediate_size, bias=True),
        *norm("ln_1", hidden, bias=True),
        *norm("ln_2", hidden, bias=True),
    )
    head = () if a.tied_embeddings else linear("lm_head", a.vocab_size, hidden)
    return _layout(a, table("transformer.wpe", a.context_length, hidden), block, head)


def _j(text: Config, a: Architecture) -> Layout:
    hidden = a.hidden_size
    block = (
        *_attention("attn", hidden, bias=False),
        *linear("mlp.fc_in", a.intermediate_size, hidden, bias=True),
        *linear("mlp.fc_out", hidden, a.intermediate_size, bias=True),
        *norm("ln_1", hidden, bias=True),
    )
    head = linear("lm_head", a.vocab_size, hidden, bias=True)
    own = (tensor for tensor in head if not (a.tied_embeddings and tensor[0].endswith("weight")))
    return _layout(a, (), block, own)


def _attention(stem: str, hidden: int, *, bias: bool) -> Shapes:
    for name in ("k_proj", "v_proj", "q_proj"):
        yield from linear(f"{stem}.{name}", hidden, hidden)
    yield from linear(f"{stem}.out_proj", hidden, hidden, bias=bias)


def _layout(
    a: Architecture, positions: Iterable[Tensor], block: Block, head: Iterable[Tensor]
) -> Layout:
    return Layout(
        before=(*table("transformer.wte", a.vocab_size, a.hidden_size), *positions),
        stem="transformer.h",
        blocks=[block] * a.layers,
        after=(*norm("transformer.ln_f", a.hidden_size, bias=True), *head),
    )


def _read(text: Config) -> dict[str, Any]:
    return {
        "mlp_gated": False,
        "fused_norms": True,
        "packable": False,
        "scores_made": True,
        "intermediate_size": text.size(
            "intermediate_size", "n_inner", default=4 * text.hidden_size
        ),
    }


FAMILIES.register("gpt_neo")(
    Family(
        layout=_neo,
        defaults={"tie_word_embeddings": True, "activation_function": "gelu_new"},
        read=lambda text: {**_read(text), "positions": "learned"},
        prefix="transformer",
    )
)
FAMILIES.register("gptj")(
    Family(
        layout=_j,
        defaults={"activation_function": "gelu_new"},
        read=lambda text: {**_read(text), "parallel": True, "norms": 1},
        prefix="transformer",
    )
)
