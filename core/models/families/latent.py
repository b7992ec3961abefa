"""Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434): keys and values from one vector."""

from core.models.config import Config
from core.models.families.base import Shapes, linear, norm
from core.models.info import Architecture


def latent_attention(text: Config, a: Architecture) -> Shapes:
    """Yield the tensors of one attention.

    Queries, through a rank if there is one, the latent vector with the rotary part of the keys,
    what is made of it, and the output.
    """
    queries, bias = a.heads * a.head_dim, text.flag("attention_bias")
    if a.query_rank:
        yield from linear("self_attn.q_a_proj", a.query_rank, a.hidden_size, bias=bias)
        yield from norm("self_attn.q_a_layernorm", a.query_rank)
        yield from linear("self_attn.q_b_proj", queries, a.query_rank)
    else:
        yield from linear("self_attn.q_proj", queries, a.hidden_size)
    compressed = a.key_rank + a.rotary_dim
    yield from linear("self_attn.kv_a_proj_with_mqa", compressed, a.hidden_size, bias=bias)
    yield from norm("self_attn.kv_a_layernorm", a.key_rank)
    made = a.heads * (a.head_dim - a.rotary_dim + a.value_dim)
    yield from linear("self_attn.kv_b_proj", made, a.key_rank)
    yield from linear("self_attn.o_proj", a.hidden_size, a.heads * a.value_dim, bias=bias)


def latent_sizes(text: Config) -> dict[str, int]:
    """Return the sizes of DeepSeek's attention; a head has a part that is rotated."""
    rotary = text.size("qk_rope_head_dim")
    return {
        "kv_heads": text.heads,
        "head_dim": text.size("qk_nope_head_dim") + rotary,
        "value_dim": text.size("v_head_dim"),
        "rotary_dim": rotary,
        "query_rank": text.size("q_lora_rank", default=0),
        "key_rank": text.size("kv_lora_rank"),
    }
