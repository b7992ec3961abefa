"""BERT, RoBERTa and ESM-2: encoders with a masked-language head, or with a pooler alone."""

from typing import Any

from core.models.config import Config
from core.models.families.base import (
    FAMILIES,
    Block,
    Family,
    Layout,
    Shapes,
    UnknownFamily,
    linear,
    norm,
    table,
)
from core.models.info import Architecture

_TRAITS = {"kind": "encoder", "mlp_gated": False, "fused_norms": True}
_DEFAULTS = {
    "tie_word_embeddings": True,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
}


def _layout(text: Config, a: Architecture) -> Layout:
    made = text.architecture or "ForMaskedLM"
    if not made.endswith(("ForMaskedLM", "Model")):
        raise UnknownFamily.of(f"the head of {made}")
    masked = made.endswith("ForMaskedLM")
    stem = f"{a.family}." if masked else ""
    after = (_esm_end(stem, a) if a.family == "esm" else ()) if masked else _pooler(stem, a)
    return Layout(
        before=tuple(_embeddings(text, f"{stem}embeddings", a)),
        stem=f"{stem}encoder.layer",
        blocks=[_block(a)] * a.layers,
        after=(*after, *(_head(a) if masked else ())),
    )


def _block(a: Architecture) -> Block:
    """Return one block; ESM-2 has its norms in front, the others behind."""
    hidden, inner = a.hidden_size, a.intermediate_size
    names = ("attention.output.LayerNorm", "output.LayerNorm")
    if a.family == "esm":
        names = ("attention.LayerNorm", "LayerNorm")
    return (
        *linear("attention.self.query", hidden, hidden, bias=True),
        *linear("attention.self.key", hidden, hidden, bias=True),
        *linear("attention.self.value", hidden, hidden, bias=True),
        *linear("attention.output.dense", hidden, hidden, bias=True),
        *linear("intermediate.dense", inner, hidden, bias=True),
        *linear("output.dense", hidden, inner, bias=True),
        *(tensor for name in names for tensor in norm(name, hidden, bias=True)),
    )


def _embeddings(text: Config, stem: str, a: Architecture) -> Shapes:
    hidden = a.hidden_size
    yield from table(f"{stem}.word_embeddings", a.vocab_size, hidden)
    if a.positions == "learned":
        yield from table(f"{stem}.position_embeddings", a.context_length, hidden)
    if a.family != "esm":
        kinds = text.size("type_vocab_size")
        yield from table(f"{stem}.token_type_embeddings", kinds, hidden)
        yield from norm(f"{stem}.LayerNorm", hidden, bias=True)
    elif text.flag("emb_layer_norm_before"):
        yield from norm(f"{stem}.layer_norm", hidden, bias=True)


def _esm_end(stem: str, a: Architecture) -> Shapes:
    yield from norm(f"{stem}encoder.emb_layer_norm_after", a.hidden_size, bias=True)
    yield from linear(f"{stem}contact_head.regression", 1, a.layers * a.heads, bias=True)


def _pooler(stem: str, a: Architecture) -> Shapes:
    if a.family == "esm":
        yield from _esm_end(stem, a)
    yield from linear(f"{stem}pooler.dense", a.hidden_size, a.hidden_size, bias=True)


def _head(a: Architecture) -> Shapes:
    """Yield the head; its matrix is the table of words, and BERT's its bias is there once."""
    hidden, bert = a.hidden_size, a.family == "bert"
    stem = "cls.predictions" if bert else "lm_head"
    yield f"{stem}.bias", (a.vocab_size,)
    yield from linear(
        f"{stem}.transform.dense" if bert else f"{stem}.dense", hidden, hidden, bias=True
    )
    yield from norm(
        f"{stem}.transform.LayerNorm" if bert else f"{stem}.layer_norm", hidden, bias=True
    )
    if not a.tied_embeddings:
        yield from linear(f"{stem}.decoder", a.vocab_size, hidden, bias=a.family != "esm")


def _read_esm(text: Config) -> dict[str, Any]:
    rotary = text.word("position_embedding_type") == "rotary"
    return {**_TRAITS, "positions": "rotary" if rotary else "learned"}


for _family in ("bert", "roberta"):
    FAMILIES.register(_family)(
        Family(
            layout=_layout,
            defaults=_DEFAULTS,
            read=lambda _: {**_TRAITS, "positions": "learned"},
            prefix=_family,
        )
    )
FAMILIES.register("esm")(
    Family(
        layout=_layout,
        defaults={**_DEFAULTS, "max_position_embeddings": 1026},
        read=_read_esm,
        prefix="esm",
    )
)
