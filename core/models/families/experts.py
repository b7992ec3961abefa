"""Mixtures of experts: their weights are single three-dimensional parameters in transformers 5."""

from dataclasses import dataclass
from typing import Any

from core.models.config import Config
from core.models.families.base import Shapes, linear
from core.models.info import Architecture


@dataclass(frozen=True, kw_only=True)
class Experts:
    """Where the experts of a family are.

    Attributes:
        stem: The module that holds router and experts.
        router: Name of the router in it.
        narrow: They have a width of their own, beside that of the plain MLPs of some blocks.
        shared: Name of the expert that every token passes; empty for none.
        shared_gate: Name of the gate behind that.
        renamed: PEFT turns the names of MLPs into those of experts (`mlp_adaptable`).
        transposed: Weights are (in, out), and router and experts have biases (gpt-oss).
    """

    stem: str = "mlp"
    router: str = "gate"
    narrow: bool = False
    shared: str = ""
    shared_gate: str = ""
    renamed: bool = False
    transposed: bool = False

    def read(self, text: Config) -> dict[str, Any]:
        """Return the fields of `Architecture` on experts."""
        return {
            "experts": text.size("num_local_experts", "num_experts", "n_routed_experts"),
            "experts_per_token": text.size("num_experts_per_tok"),
            "mlp_adaptable": not self.renamed,
            **(_narrow_sizes(text) if self.narrow else {}),
        }


def expert_shapes(experts: Experts, a: Architecture) -> Shapes:
    """Yield the tensors that take the place of a block's MLP."""
    hidden, width, stem = a.hidden_size, a.intermediate_size, experts.stem
    yield from linear(f"{stem}.{experts.router}", a.experts, hidden, bias=experts.transposed)
    for name, rows, columns in (("gate_up_proj", 2 * width, hidden), ("down_proj", hidden, width)):
        sides = (columns, rows) if experts.transposed else (rows, columns)
        yield f"{stem}.experts.{name}", (a.experts, *sides)
        if experts.transposed:
            yield f"{stem}.experts.{name}_bias", (a.experts, rows)
    if a.shared_size:
        shared = f"{stem}.{experts.shared}"
        yield from linear(f"{shared}.gate_proj", a.shared_size, hidden)
        yield from linear(f"{shared}.up_proj", a.shared_size, hidden)
        yield from linear(f"{shared}.down_proj", hidden, a.shared_size)
    if experts.shared_gate:
        yield from linear(f"{stem}.{experts.shared_gate}", 1, hidden)


def dense_blocks(text: Config, layers: int) -> frozenset[int]:
    """Return the blocks that keep a plain MLP.

    DeepSeek: the first few. Qwen: those that are named, and all but every n-th.
    """
    first = text.size("first_k_dense_replace", default=0, least=0)
    named = [layer for layer in text.items("mlp_only_layers") or () if type(layer) is int]
    step = text.size("decoder_sparse_step", default=1)
    by_number = (layer for layer in range(layers) if layer < first or (layer + 1) % step != 0)
    return frozenset(by_number).union(layer for layer in named if 0 <= layer < layers)


def _narrow_sizes(text: Config) -> dict[str, int]:
    """Return the sizes of a family whose experts have a width of their own."""
    dense = len(dense_blocks(text, text.layers))
    width = text.size("moe_intermediate_size")
    shared = text.size("shared_expert_intermediate_size", default=0, least=0)
    return {
        "intermediate_size": width,
        "dense_layers": dense,
        "dense_size": text.size("intermediate_size") if dense else 0,
        "shared_size": shared or width * text.size("n_shared_experts", default=0, least=0),
    }
