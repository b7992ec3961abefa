"""The dimensions of a model, as far as memory depends on them."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The dimensions that the memory formulas need, from config.json or a GGUF header.

    Attributes:
        family: The `model_type` of transformers.
        layers: Blocks.
        hidden_size: Width of the hidden states.
        heads: Heads of queries.
        kv_heads: Heads of keys and values, as attention sees them: all in latent attention.
        head_dim: Width of a head's queries and keys.
        intermediate_size: Width of the MLP; of one expert where there are experts.
        vocab_size: Words; labels of a classifier of pictures.
        context_length: Tokens the model was made for; patches and one more of a vision model.
        tied_embeddings: The head is the table of words.
        mlp_gated: SwiGLU-like MLPs (three matrices), not plain ones (two).
        experts: 0 for a dense model.
        experts_per_token: How many of them a token passes.
        shared_size: Width of the experts that every token passes besides; 0 for none.
        dense_layers: Blocks of a mixture of experts that keep a plain MLP.
        dense_size: The width of those.
        kind: "decoder", "encoder" (BERT, ESM-2: no causal mask) or "vision" (ViT).
        value_dim: Width of a head's values; 0 for that of its keys.
        query_rank: Width that queries pass through in latent attention; 0 for none.
        key_rank: Width of the latent vector of keys and values; 0 without latent attention.
        rotary_dim: Width of the part of a latent head that is rotated.
        positions: "rotary", "learned" or "alibi".
        window: Tokens that a windowed block sees; 0 for no window.
        windowed_layers: How many blocks are windowed.
        parallel: Attention and MLP read the same hidden states, not one the other's output.
        norms: Norms of the hidden states per block.
        fused_norms: They are torch's LayerNorm, a kernel that keeps its input as it is, not
            written out with an fp32 copy.
        query_norms: Queries and keys are normalised too.
        attention_cap: c in c·tanh(scores/c); 0 for none.
        logit_cap: The same of the logits.
        activation: As transformers calls it.
        dropout: Share of the hidden states that is silenced in training.
        attention_dropout: The same of the attention weights.
        packable: Its attention can be replaced by ours, so that rows can be packed: it goes through
            the interface of transformers.
        scores_made: No kernel attends: all scores are made, whatever attention is asked for.
        mlp_adaptable: PEFT can adapt plain MLPs and shared experts: not where it takes their names
            for those of fused experts (`convert_peft_config_for_transformers` in PEFT 0.21).
        quantizable: Its matrices are plain Linear modules, which bitsandbytes replaces.
        known: The family is one of `core.models.families`; else the block is taken for Llama's.
    """

    family: str
    layers: int
    hidden_size: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate_size: int
    vocab_size: int
    context_length: int
    tied_embeddings: bool
    mlp_gated: bool = True
    experts: int = 0
    experts_per_token: int = 0
    shared_size: int = 0
    dense_layers: int = 0
    dense_size: int = 0
    kind: Literal["decoder", "encoder", "vision"] = "decoder"
    value_dim: int = 0
    query_rank: int = 0
    key_rank: int = 0
    rotary_dim: int = 0
    positions: Literal["rotary", "learned", "alibi"] = "rotary"
    window: int = 0
    windowed_layers: int = 0
    parallel: bool = False
    norms: int = 2
    fused_norms: bool = False
    query_norms: bool = False
    attention_cap: float = 0.0
    logit_cap: float = 0.0
    activation: str = "silu"
    dropout: float = 0.0
    attention_dropout: float = 0.0
    packable: bool = True
    scores_made: bool = False
    mlp_adaptable: bool = True
    quantizable: bool = True
    known: bool = True
