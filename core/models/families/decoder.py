"""The blocks that Llama made usual, and how other families differ from them."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

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
from core.models.families.experts import Experts, dense_blocks, expert_shapes
from core.models.families.latent import latent_attention, latent_sizes
from core.models.families.vision import siglip
from core.models.families.windows import Rule, windows
from core.models.info import Architecture
from core.paths import resources_dir

Switch = bool | str
"""On, off, or the key of config.json that tells."""

TWO_NORMS = ("input_layernorm", "post_attention_layernorm")
GATED = {"gate_proj": 1, "up_proj": 1}


@dataclass(frozen=True, kw_only=True)
class Style:
    """How the blocks of a family differ from Llama's.

    Attributes:
        bias: Biases of q, k and v.
        output_bias: Bias of the matrix behind attention.
        mlp_bias: Biases of the MLP.
        fused: The name of the one matrix that makes q, k and v.
        latent: Keys and values pass through a narrow latent vector (DeepSeek).
        query_norms: Norms of queries and keys: the heads share a weight ("head"), have one each
            ("each"), a module each ("modules"), or are normalised together ("all").
        query_norms_on: Whether there are such norms.
        sinks: Every head has a learned score beside those of the tokens (gpt-oss).
        parallel: Attention and MLP read the same norm's output.
        inputs: Matrices of the MLP that read the hidden states, and how many widths they make.
        output: The matrix behind the activation.
        norms: The norms of a block that have weights.
        norm_bias: Norms are torch's LayerNorm, with a bias.
        head_bias: Bias of the head.
        windows: Which blocks see a window of the last tokens only.
        experts: The experts that take the place of the MLP.
    """

    bias: Switch = False
    output_bias: Switch = False
    mlp_bias: Switch = False
    fused: str = ""
    latent: bool = False
    query_norms: Literal["", "head", "each", "modules", "all"] = ""
    query_norms_on: Switch = True
    sinks: bool = False
    parallel: Switch = False
    inputs: Mapping[str, int] = field(default_factory=lambda: GATED)
    output: str = "down_proj"
    norms: Sequence[str] = TWO_NORMS
    norm_bias: bool = False
    head_bias: Switch = False
    windows: Rule = ""
    experts: Experts | None = None

    def read(self, text: Config) -> dict[str, Any]:
        """Return the fields of `Architecture` beyond the usual sizes."""
        parallel = text.flag(self.parallel)
        sizes = self.experts.read(text) if self.experts is not None else {}
        return {
            "mlp_gated": sum(self.inputs.values()) == 2,
            "parallel": parallel,
            "norms": 1 if parallel else max(2, len(self.norms)),
            "fused_norms": self.norm_bias,
            "query_norms": self._has_query_norms(text),
            **windows(self.windows, text),
            **sizes,
            **(latent_sizes(text) if self.latent else {}),
        }

    def layout(self, text: Config, a: Architecture) -> Layout:
        """Return the tensors of a decoder of this style."""
        inner = "model.language_model" if text.nested else "model"
        blocks = [self._block(text, a, a.dense_size or a.intermediate_size)] * a.layers
        if self.experts is not None:
            mixed, dense = self._block(text, a, 0), dense_blocks(text, a.layers)
            blocks = [blocks[0] if layer in dense else mixed for layer in range(a.layers)]
        last = norm(f"{inner}.norm", a.hidden_size, bias=self.norm_bias) if self.norms else ()
        return Layout(
            before=tuple(table(f"{inner}.embed_tokens", a.vocab_size, a.hidden_size)),
            stem=f"{inner}.layers",
            blocks=blocks,
            after=(*last, *self._head(text, a), *self._tower(text, a)),
        )

    def _block(self, text: Config, a: Architecture, width: int) -> Block:
        """Return one block with an MLP of `width`, of 0 with experts."""
        attention = latent_attention(text, a) if self.latent else self._attention(text, a)
        mlp = self._mlp(text, a, width) if width else self._experts(a)
        norms = (
            tensor
            for name in self.norms[: 1 if a.parallel else None]
            for tensor in norm(name, a.hidden_size, bias=self.norm_bias)
        )
        return (*attention, *mlp, *norms)

    def _attention(self, text: Config, a: Architecture) -> Shapes:
        queries, keys = a.heads * a.head_dim, a.kv_heads * a.head_dim
        made = {"q_proj": queries, "k_proj": keys, "v_proj": keys}
        if self.fused:
            made = {self.fused: queries + 2 * keys}
        bias, output_bias = text.flag(self.bias), text.flag(self.output_bias)
        for name, rows in made.items():
            yield from linear(f"self_attn.{name}", rows, a.hidden_size, bias=bias)
        yield from linear("self_attn.o_proj", a.hidden_size, queries, bias=output_bias)
        if self._has_query_norms(text):
            yield from self._query_norms("q", a.heads, a.head_dim)
            yield from self._query_norms("k", a.kv_heads, a.head_dim)
        if self.sinks:
            yield "self_attn.sinks", (a.heads,)

    def _has_query_norms(self, text: Config) -> bool:
        return bool(self.query_norms) and text.flag(self.query_norms_on)

    def _query_norms(self, letter: str, heads: int, size: int) -> Shapes:
        if self.query_norms == "modules":
            for head in range(heads):
                yield from norm(f"self_attn.{letter}_layernorm.norms.{head}", size)
            return
        shapes = {"head": (size,), "each": (heads, size), "all": (heads * size,)}
        yield from norm(f"self_attn.{letter}_norm", *shapes[self.query_norms])

    def _mlp(self, text: Config, a: Architecture, width: int) -> Shapes:
        bias = text.flag(self.mlp_bias)
        for name, widths in self.inputs.items():
            yield from linear(f"mlp.{name}", widths * width, a.hidden_size, bias=bias)
        yield from linear(f"mlp.{self.output}", a.hidden_size, width, bias=bias)

    def _experts(self, a: Architecture) -> Shapes:
        assert self.experts is not None
        return expert_shapes(self.experts, a)

    def _head(self, text: Config, a: Architecture) -> Shapes:
        bias = text.flag(self.head_bias)
        if not a.tied_embeddings:
            yield from linear("lm_head", a.vocab_size, a.hidden_size, bias=bias)
        elif bias:
            yield "lm_head.bias", (a.vocab_size,)

    def _tower(self, text: Config, a: Architecture) -> Shapes:
        if text.nested and a.family != "gemma3_text":
            raise UnknownFamily.of(f"the family {text.content['model_type']!r}")
        if text.nested:
            yield from siglip(text.vision, a.hidden_size)


def _register() -> None:
    """Register the families of `resources/families.toml`."""
    content = tomllib.loads((resources_dir() / "families.toml").read_text("utf-8"))
    for name, entry in content.items():
        style = dict(content[entry["like"]] if "like" in entry else entry)
        defaults, sizes = style.pop("defaults"), style.pop("sizes", {})
        if "experts" in style:
            style["experts"] = Experts(**style["experts"])
        made = Style(**style)
        code_only = entry.get("code_only", False)
        family = Family(
            layout=made.layout, read=made.read, defaults=defaults, sizes=sizes, code_only=code_only
        )
        FAMILIES.register(name)(family)


_register()
