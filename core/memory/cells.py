"""The matrices of a model and those that get an adapter, counted once for all plans."""

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from core.models.info import Architecture, ModelInfo, ModuleGrid
from core.models.targets import resolve

OUTPUT_LABELS = frozenset({"o_proj", "out_proj", "down_proj", "c_proj", "fc2", "w2", "dense"})
"""Matrices that read what attention or the MLP made, not the normalised hidden states."""


@dataclass(frozen=True)
class Cell:
    """Equal matrices of one transformer block.

    Attributes:
        layer: Index of the block.
        kind: Name inside the block; experts share one.
        shape: (out, in) of one matrix.
        count: How many there are: 1, or the number of experts.
        routed: How many of them a token passes.
    """

    layer: int
    kind: str
    shape: tuple[int, int]
    count: int
    routed: int

    @property
    def parameters(self) -> int:
        """Weights of all `count` matrices."""
        return self.count * self.shape[0] * self.shape[1]

    @property
    def input_group(self) -> tuple[str, bool]:
        """Equal for matrices that read the same tensor, as q, k and v do."""
        stem, _, label = self.kind.rpartition(".")
        return stem, label in OUTPUT_LABELS or label.endswith("4h_to_h")

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

    Attributes:
        architecture: The dimensions of the model.
        cells: All matrices of the blocks: what 8-bit and 4-bit loading quantizes.
        targets: The matrices that get an adapter.
        other_parameters: Embeddings, head, norms, biases and fused experts; never quantized.
    """

    architecture: Architecture
    cells: tuple[Cell, ...]
    targets: tuple[Cell, ...]
    other_parameters: int

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, info: ModelInfo, targets: tuple[str, ...]) -> "ModelCells":
        """Count the matrices of a model and those that `targets` names.

        Kept for the last few models: a page of the window plans the same one some eighty times.

        Raises:
            UserError: A target matches no module.
        """
        routed = info.architecture.experts_per_token
        cells = _cells(info.grid, routed)
        names = set(resolve(targets, info.grid))
        chosen = cells if len(names) == len(info.grid.modules) else _cells(info.grid, routed, names)
        other = info.parameters - sum(cell.parameters for cell in cells)
        return cls(info.architecture, cells, chosen, other)

    @cached_property
    def matrix_parameters(self) -> int:
        """Weights of all cells."""
        return sum(cell.parameters for cell in self.cells)

    @cached_property
    def outputs(self) -> int:
        """Rows of all matrices."""
        return sum(cell.count * cell.shape[0] for cell in self.cells)

    @cached_property
    def widest_matrix(self) -> int:
        """Weights of the largest single matrix of a block."""
        return max((cell.shape[0] * cell.shape[1] for cell in self.cells), default=0)

    @cached_property
    def target_shapes(self) -> Mapping[tuple[int, int], int]:
        """How many targets there are of each shape."""
        counted: Counter[tuple[int, int]] = Counter()
        for cell in self.targets:
            counted[cell.shape] += cell.count
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
        first: dict[tuple[tuple[str, tuple[int, int], int], ...], int] = {}
        return tuple(
            first.setdefault(tuple((c.kind, c.shape, c.routed) for c in cells), layer)
            for layer, cells in enumerate(self.target_layers)
        )


def _cells(
    grid: ModuleGrid, experts_per_token: int, names: Container[str] | None = None
) -> tuple[Cell, ...]:
    counted = Counter(
        (module.layer, module.kind, module.shape)
        for module in grid.modules
        if names is None or module.name in names
    )
    return tuple(
        Cell(layer, kind, shape, count, min(count, experts_per_token or 1))
        for (layer, kind, shape), count in counted.items()
    )
