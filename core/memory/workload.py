"""What a training step works on, in the plain numbers that the formulas take."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from core.adapters.base import AdapterSettings
from core.memory.methods import Method
from core.models.info import Architecture, ModelInfo, ModuleGrid
from core.models.targets import resolve
from core.settings import RunSettings

ELEMENTS = {"bf16": 2, "fp16": 2, "fp32": 4}  # bytes per element
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
    def of(cls, info: ModelInfo, targets: tuple[str, ...]) -> "ModelCells":
        """Count the matrices of a model and those that `targets` names.

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


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a run beyond its settings.

    Attributes:
        longest: Tokens of the longest row; 0 before the data were read. The peak is set by the
            longest micro-batch that is seen, not by the limit.
        trained_share: Trained tokens over all, of the micro-batch where it is largest.
        attention: "flash" instead of the settings' sdpa or eager; "" for theirs.
        on_cpu: It runs on the processor.
    """

    longest: int = 0
    trained_share: float = 1.0
    attention: str = ""
    on_cpu: bool = False

    @classmethod
    def of_rows(
        cls, lengths: Sequence[int], trained: Sequence[int], settings: RunSettings
    ) -> "Known":
        """Return what the rows tell: the micro-batch of the longest ones sets the peak.

        Args:
            lengths: Tokens of each row, before or after cutting.
            trained: Trained tokens of each row after cutting.
            settings: The run; its micro-batch and its maximal length count.
        """
        limit = settings.data.max_length
        rows = sorted(zip(lengths, trained, strict=True), reverse=True)
        largest = rows[: settings.training.micro_batch]
        if not largest:
            return cls()
        longest = min(largest[0][0], limit)
        share = sum(count for _, count in largest) / (longest * len(largest))
        return cls(longest=longest, trained_share=min(share, 1.0))


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One micro-batch of one method on one model.

    Attributes:
        model: Its matrices and those that get an adapter.
        method: How it is trained.
        adapter: The settings of the adapter; without effect in full fine-tuning.
        element: Bytes of a number of the compute type.
        rows: Micro-batch.
        length: Tokens of the longest row, to which the others are padded.
        padded: Rows may differ in length, so that attention gets a mask.
        trained_share: Of the tokens; 1 is the upper bound.
        attention: "sdpa", "flash" or "eager".
        on_cpu: The step runs on the processor, in the memory of the worker process.
    """

    model: ModelCells
    method: Method
    adapter: AdapterSettings
    optimizer: str
    accumulation: int
    checkpointing: bool
    attention: str
    element: int
    rows: int
    length: int
    padded: bool
    trained_share: float
    on_cpu: bool

    @classmethod
    def of(
        cls, model: ModelCells, settings: RunSettings, method: Method, known: Known
    ) -> "Workload":
        """Return the workload of one method under these settings."""
        training, limit = settings.training, settings.data.max_length
        return cls(
            model=model,
            method=method,
            adapter=settings.adapter,
            optimizer=training.optimizer,
            accumulation=training.accumulation,
            checkpointing=training.gradient_checkpointing,
            attention=known.attention or settings.model.attention,
            element=element_bytes(settings.model.dtype, on_cpu=known.on_cpu),
            rows=training.micro_batch,
            length=min(known.longest or limit, limit),
            padded=training.micro_batch > 1,
            trained_share=known.trained_share,
            on_cpu=known.on_cpu,
        )

    @property
    def architecture(self) -> Architecture:
        """The dimensions of the model."""
        return self.model.architecture

    @property
    def tokens(self) -> int:
        """T: tokens in one forward pass."""
        return self.rows * self.length

    @property
    def full(self) -> bool:
        """Every weight is trained, and no matrix has an adapter."""
        return self.method.name == "full"

    @property
    def parameters(self) -> int:
        """P: all parameters of the base."""
        return self.model.matrix_parameters + self.model.other_parameters


def element_bytes(dtype: str, *, on_cpu: bool) -> int:
    """Return the bytes of a number of the compute type.

    "auto" is 16 bits on a GPU. On a processor a probe in the worker decides; its flags alone do not
    tell, so the larger is planned (and the interval reaches down to the smaller).
    """
    if dtype == "auto":
        dtype = "fp32" if on_cpu else "bf16"
    return ELEMENTS[dtype]


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
