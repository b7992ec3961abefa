"""The matrices of a model and those that get an adapter, counted once for all plans."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import NamedTuple

from core.models.info import Architecture, LinearModule, ModelInfo
from core.models.targets import ALL_LINEAR, resolve, resolve_ranks

OUTPUT_LABELS = frozenset(
    {"o_proj", "out_proj", "down_proj", "c_proj", "fc2", "fc_out", "w2", "dense"}
)
"""Matrices that read what attention or the MLP made, not the normalised hidden states."""
_READ_HIDDEN = frozenset({"intermediate.dense", "mlp.w2"})  # in BERT and in Qwen 1
_FUSED = frozenset({"qkv_proj", "query_key_value", "c_attn", "Wqkv", "W_pack"})
_READ_LATENT = frozenset({"q_b_proj", "kv_b_proj"})  # in DeepSeek, each a latent vector of its own


class Cell(NamedTuple):
    """Equal matrices of one transformer block.

    Attributes:
        layer: Index of the block.
        kind: Name inside the block; experts share one.
        shape: (out, in) of one matrix.
        count: How many there are: 1, or the number of experts.
        routed: How many of them a token passes.
        rank: r of its adapter where it has one of its own, else 0.
    """

    layer: int
    kind: str
    shape: tuple[int, int]
    count: int  # type: ignore[assignment]  # a tuple's method, which nobody needs here
    routed: int
    rank: int = 0

    @property
    def parameters(self) -> int:
        """Weights of all `count` matrices."""
        return self.count * self.shape[0] * self.shape[1]

    @property
    def input_group(self) -> tuple[str, bool]:
        """Equal for matrices that read the same tensor, as q, k and v do."""
        stem, _, label = self.kind.rpartition(".")
        if label in _READ_LATENT:
            return self.kind, False
        is_output = label in OUTPUT_LABELS or label.endswith("4h_to_h")
        return stem, is_output and self.kind not in _READ_HIDDEN

    @property
    def in_mlp(self) -> bool:
        """Whether it belongs to the MLP: nothing in its name says attention."""
        stem, _, label = self.kind.rpartition(".")
        return (
            "attn" not in stem and "attention" not in stem and label not in ("c_attn", "qkv_proj")
        )


@dataclass(frozen=True)
class ModelCells:
    """The matrices of a model, and those that get an adapter: counted once for all methods.

    bitsandbytes replaces the modules that are exactly torch's Linear or transformers' Conv1D, in
    the blocks and in towers (`replace_with_bnb_linear` of transformers 5.23). Experts are
    parameters of three dimensions, and Falcon has a class of its own: they stay in 16 bits.

    Attributes:
        architecture: The dimensions of the model.
        cells: All matrices of the blocks and of towers, adapted or not.
        targets: The matrices that get an adapter.
        parameters: All parameters of the model.
        expert_parameters: How many of them belong to experts.
        transposed: In 16 bits the matrices are GPT-2's Conv1D.
    """

    architecture: Architecture
    cells: tuple[Cell, ...]
    targets: tuple[Cell, ...]
    parameters: int
    expert_parameters: int
    transposed: bool

    @classmethod
    @lru_cache(maxsize=8)
    def of(
        cls, info: ModelInfo, targets: tuple[str, ...], rank_pattern: tuple[str, ...] = ()
    ) -> "ModelCells":
        """Count the matrices of a model and those that `targets` names.

        Kept for the last few models: a page of the window plans the same one some eighty times.

        Raises:
            UserError: A target, or an entry of `rank_pattern`, matches no module.
        """
        routed, modules = info.architecture.experts_per_token, info.grid.modules
        blocks = chosen = _cells(modules, routed)
        if targets != (ALL_LINEAR,) or rank_pattern:
            names = set(resolve(targets, info.grid))
            ranks = resolve_ranks(rank_pattern, info.grid)
            chosen = _cells((module for module in modules if module.name in names), routed, ranks)
        cells = blocks + _cells(info.fixed_matrices, routed)
        return cls(
            info.architecture,
            cells,
            chosen,
            info.parameters,
            info.expert_parameters,
            info.transposed,
        )

    @property
    def other_parameters(self) -> int:
        """What 8-bit and 4-bit loading leaves alone: tables, head, norms, biases, experts."""
        return self.parameters - self.matrix_parameters

    @cached_property
    def fused_attention(self) -> bool:
        """Whether one matrix makes queries, keys and values."""
        return any(cell.kind.rpartition(".")[2] in _FUSED for cell in self.cells)

    @cached_property
    def matrix_parameters(self) -> int:
        """Weights of all matrices that can be quantized."""
        return sum(count * rows * columns for (rows, columns), count in self.shapes.items())

    @cached_property
    def outputs(self) -> int:
        """Rows of the same."""
        return sum(count * rows for (rows, _), count in self.shapes.items())

    @cached_property
    def widest_matrix(self) -> int:
        """Weights of the largest single one."""
        return max((rows * columns for rows, columns in self.shapes), default=0)

    @cached_property
    def shapes(self) -> Mapping[tuple[int, int], int]:
        """How many matrices that can be quantized there are of each shape."""
        return _shapes(self.cells if self.architecture.quantizable else ())

    @cached_property
    def target_shapes(self) -> Mapping[tuple[int, int], int]:
        """How many targets there are of each shape."""
        return _shapes(self.targets)

    @cached_property
    def target_kinds(self) -> Mapping[tuple[tuple[int, int], int], int]:
        """How many targets there are of each shape and `Cell.rank`."""
        counted: Counter[tuple[tuple[int, int], int]] = Counter()
        for cell in self.targets:
            counted[cell.shape, cell.rank] += cell.count
        return counted

    @cached_property
    def target_layers(self) -> tuple[tuple[Cell, ...], ...]:
        """The targets of every block."""
        layers: list[list[Cell]] = [[] for _ in range(self.architecture.layers)]
        for cell in self.targets:
            layers[cell.layer].append(cell)
        return tuple(tuple(cells) for cells in layers)

    @cached_property
    def twins(self) -> tuple[int, ...]:
        """For every block the first one with the same targets, which needs the same memory."""
        first: dict[tuple[tuple[str, tuple[int, int], int, int], ...], int] = {}
        return tuple(
            first.setdefault(tuple((c.kind, c.shape, c.routed, c.rank) for c in cells), layer)
            for layer, cells in enumerate(self.target_layers)
        )


def _cells(
    modules: Iterable[LinearModule],
    experts_per_token: int,
    ranks: Mapping[str, int] = MappingProxyType({}),
) -> tuple[Cell, ...]:
    counted = Counter(
        (module.layer, module.kind, module.shape, ranks.get(module.name, 0)) for module in modules
    )
    return tuple(
        Cell(layer, kind, shape, count, min(count, experts_per_token or 1), rank)
        for (layer, kind, shape, rank), count in counted.items()
    )


def _shapes(cells: Iterable[Cell]) -> Mapping[tuple[int, int], int]:
    counted: Counter[tuple[int, int]] = Counter()
    for cell in cells:
        counted[cell.shape] += cell.count
    return counted
