"""Models for the tests, from their published shapes alone."""

from collections.abc import Iterator
from math import prod

from core.models.info import Architecture, ModelInfo, TensorSpec


def model(architecture: Architecture) -> ModelInfo:
    tensors = tuple(tensors_of(architecture))
    return ModelInfo(
        source="shape",
        name="Shape",
        path="",
        kind="folder",
        architecture=architecture,
        tensors=tensors,
        dtype="BF16",
    )


def llama(**sizes: int | bool) -> Architecture:
    """Return a Llama-like architecture; by default the shape of Llama-3-8B."""
    return Architecture(
        **{
            "family": "llama",
            "layers": 32,
            "hidden_size": 4096,
            "heads": 32,
            "kv_heads": 8,
            "head_dim": 128,
            "intermediate_size": 14336,
            "vocab_size": 128_256,
            "context_length": 8192,
            "tied_embeddings": False,
            **sizes,
        }
    )


SMOLLM2 = llama(
    layers=30,
    hidden_size=576,
    heads=9,
    kv_heads=3,
    head_dim=64,
    intermediate_size=1536,
    vocab_size=49_152,
    tied_embeddings=True,
)
LLAMA_65B = llama(
    layers=80, hidden_size=8192, heads=64, kv_heads=64, intermediate_size=22016, vocab_size=32_000
)
LLAMA_405B = llama(layers=126, hidden_size=16384, heads=128, kv_heads=8, intermediate_size=53248)
GPT3 = llama(
    layers=96,
    hidden_size=12288,
    heads=96,
    kv_heads=96,
    intermediate_size=49152,
    vocab_size=50_257,
    tied_embeddings=True,
    mlp_gated=False,
)
MIXTRAL = llama(vocab_size=32_000, experts=8, experts_per_token=2)


def tensors_of(architecture: Architecture) -> Iterator[TensorSpec]:
    """Yield the tensors that a decoder of this architecture has, biases left out."""
    hidden, vocabulary = architecture.hidden_size, architecture.vocab_size
    yield _tensor("model.embed_tokens", vocabulary, hidden)
    for layer in range(architecture.layers):
        stem = f"model.layers.{layer}"
        yield from _attention(f"{stem}.self_attn", architecture)
        yield from _mlp(f"{stem}.mlp", architecture)
        yield _tensor(f"{stem}.input_layernorm", hidden)
        yield _tensor(f"{stem}.post_attention_layernorm", hidden)
    yield _tensor("model.norm", hidden)
    if not architecture.tied_embeddings:
        yield _tensor("lm_head", vocabulary, hidden)


def _attention(stem: str, architecture: Architecture) -> Iterator[TensorSpec]:
    """Yield q, k, v and o; with grouped queries k and v are narrower."""
    hidden = architecture.hidden_size
    query = architecture.heads * architecture.head_dim
    key = architecture.kv_heads * architecture.head_dim
    yield _tensor(f"{stem}.q_proj", query, hidden)
    yield _tensor(f"{stem}.k_proj", key, hidden)
    yield _tensor(f"{stem}.v_proj", key, hidden)
    yield _tensor(f"{stem}.o_proj", hidden, query)


def _mlp(stem: str, architecture: Architecture) -> Iterator[TensorSpec]:
    """Yield the matrices of one MLP, or of every expert and the router."""
    hidden, width = architecture.hidden_size, architecture.intermediate_size
    stems = [f"{stem}.experts.{i}" for i in range(architecture.experts)] or [stem]
    for each in stems:
        if architecture.mlp_gated:
            yield _tensor(f"{each}.gate_proj", width, hidden)
        yield _tensor(f"{each}.up_proj", width, hidden)
        yield _tensor(f"{each}.down_proj", hidden, width)
    if architecture.experts:
        yield _tensor(f"{stem}.gate", architecture.experts, hidden)


def _tensor(stem: str, *shape: int) -> TensorSpec:
    return TensorSpec(f"{stem}.weight", shape, "BF16", 2 * prod(shape))
