"""A model from the architecture columns of a row, and the names of its targets."""

from collections.abc import Iterator
from math import prod

from core.memory.table.rows import Missing, Row
from core.models.info import Architecture, ModelInfo, TensorSpec

_FUSED = frozenset({"qwen", "gpt_bigcode", "baichuan"})
"""Families whose own code has one matrix for q, k and v."""
_LAYER_NORM = frozenset({"gpt2", "gpt_bigcode", "gpt_neox", "phi", "falcon", "opt", "bloom"})
"""Families with torch's LayerNorm, which is one kernel."""
_SHORT = {
    "q": "q_proj",
    "k": "k_proj",
    "v": "v_proj",
    "o": "o_proj",
    "gate": "gate_proj",
    "up": "up_proj",
    "down": "down_proj",
    "w1": "gate_proj",
    "w2": "up_proj",
}


def architecture(row: Row) -> Architecture:
    """Return the dimensions that a row states.

    Raises:
        Missing: One of them is not stated.
    """
    hidden, heads = row.number("hidden_size"), row.number("num_attention_heads")
    active = [note for note in row.text("arch_notes").split(";") if note.startswith("moe:")]
    return Architecture(
        family=row.text("model_type"),
        layers=row.number("num_hidden_layers"),
        hidden_size=hidden,
        heads=heads,
        kv_heads=row.number("num_key_value_heads", heads),
        head_dim=row.number("head_dim", max(1, hidden // heads)),
        intermediate_size=row.number("intermediate_size"),
        vocab_size=row.number("vocab_size"),
        context_length=row.number("seq_len"),
        tied_embeddings=row.is_true("tie_word_embeddings"),
        mlp_gated=row.is_true("gated_mlp"),
        norms=4 if row.has("arch_notes", "4 norms") else 2,
        parallel=row.has("arch_notes", "parallel"),
        fused_norms=row.text("model_type") in _LAYER_NORM,
        activation="silu" if row.is_true("gated_mlp") else "gelu",
        experts=row.number("num_experts", 1) if row.text("num_experts") else 0,
        experts_per_token=int(active[0].split(":")[2]) if active else 0,
    )


def model_of(row: Row, *, untied: bool) -> ModelInfo:
    """Return the model with all its tensors.

    Args:
        row: A row with its architecture columns.
        untied: The program keeps a head of its own even where the model ties it.

    Raises:
        Missing: A dimension is not stated.
    """
    shape = architecture(row)
    tensors = tuple(_tensors(row, shape, untied=untied))
    return ModelInfo(
        source=row.text("model"),
        name=row.text("model"),
        path="",
        kind="folder",
        architecture=shape,
        tensors=tensors,
        dtype="BF16",
    )


def targets_of(row: Row, info: ModelInfo) -> tuple[str, ...]:
    """Return the labels of the matrices that get an adapter; names the model lacks match nothing.

    Raises:
        Missing: No target of the row is in the model.
    """
    text = row.text("target_modules").split("+")[0].replace(",", " ")
    labels = {module.label for module in info.grid.modules}
    if text.lower().startswith("all") or not text.strip():
        return ("all-linear",)
    if text.startswith("DEFAULT") or "c_attn" in text.split():
        attention = {"qkv_proj"} if "qkv_proj" in labels else {"q_proj", "k_proj", "v_proj"}
    else:
        attention = set()
    wanted = {_SHORT.get(name, name) for name in text.split()}
    if "c_proj" in wanted:
        wanted |= {"o_proj", "down_proj"}
    found = tuple(sorted(labels & (wanted | attention)))
    if not found:
        raise Missing(f"no matrix is called {text.strip()!r}")
    return found


def _tensors(row: Row, a: Architecture, *, untied: bool) -> Iterator[TensorSpec]:
    yield _tensor("model.embed_tokens", a.vocab_size, a.hidden_size)
    if "learned-pos" in row.text("arch_notes"):
        yield _tensor("model.positions", 2048, a.hidden_size)
    for layer in range(a.layers):
        block = f"model.layers.{layer}"
        yield from _attention(row, f"{block}.self_attn", a)
        yield from _mlp(row, f"{block}.mlp", a)
        for index in range(a.norms):
            yield _tensor(f"{block}.norm{index}", a.hidden_size)
    yield _tensor("model.norm", a.hidden_size)
    if untied or not a.tied_embeddings:
        yield _tensor("lm_head", a.vocab_size, a.hidden_size)


def _attention(row: Row, stem: str, a: Architecture) -> Iterator[TensorSpec]:
    queries, keys = a.heads * a.head_dim, a.kv_heads * a.head_dim
    biased = row.has("arch_notes", "biases", "qkv-bias")
    if a.family in _FUSED:
        yield from _linear(f"{stem}.qkv_proj", queries + 2 * keys, a.hidden_size, bias=biased)
    else:
        for name, width in (("q_proj", queries), ("k_proj", keys), ("v_proj", keys)):
            yield from _linear(f"{stem}.{name}", width, a.hidden_size, bias=biased)
    yield from _linear(
        f"{stem}.o_proj", a.hidden_size, queries, bias=row.has("arch_notes", "biases")
    )


def _mlp(row: Row, stem: str, a: Architecture) -> Iterator[TensorSpec]:
    biased = row.has("arch_notes", "biases")
    stems = [f"{stem}.experts.{i}" for i in range(a.experts)] or [stem]
    for each in stems:
        if a.mlp_gated:
            yield from _linear(f"{each}.gate_proj", a.intermediate_size, a.hidden_size, bias=biased)
        yield from _linear(f"{each}.up_proj", a.intermediate_size, a.hidden_size, bias=biased)
        yield from _linear(f"{each}.down_proj", a.hidden_size, a.intermediate_size, bias=biased)


def _linear(stem: str, rows: int, columns: int, *, bias: bool) -> Iterator[TensorSpec]:
    yield _tensor(stem, rows, columns)
    if bias:
        yield TensorSpec(f"{stem}.bias", (rows,), "BF16", 2 * rows)


def _tensor(stem: str, *shape: int) -> TensorSpec:
    return TensorSpec(f"{stem}.weight", shape, "BF16", 2 * prod(shape))
