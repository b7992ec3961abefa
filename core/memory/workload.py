"""What a training step works on, in the plain numbers that the formulas take."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from statistics import NormalDist

from core.adapters.base import AdapterSettings, LowRankSettings, at_rank
from core.memory.cells import Cell, ModelCells
from core.memory.methods import Method
from core.memory.stack import OURS, TRAINER, Stack
from core.models.info import Architecture
from core.settings import RunSettings

ELEMENTS = {"bf16": 2, "fp16": 2, "fp32": 4}  # bytes per element
FP32 = ELEMENTS["fp32"]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a run beyond its settings.

    Attributes:
        longest: Tokens of the longest row; 0 before the data were read. The peak is set by the
            longest micro-batch that is seen, not by the limit.
        trained_share: Trained tokens over all, of the micro-batch where it is largest.
        together: Tokens of the largest micro-batch of packed rows that is likely to come; 0: as
            many as if all its rows were the longest.
        attention: "flash" instead of the settings' sdpa or eager; "" for theirs.
        on_cpu: It runs on the processor.
        stack: Which program trains; full fine-tuning and encoders are planned for the Trainer
            where this is ours.
        shards: GPUs that split weights, gradients and moments among them.
    """

    longest: int = 0
    trained_share: float = 1.0
    together: int = 0
    attention: str = ""
    on_cpu: bool = False
    stack: Stack = OURS
    shards: int = 1

    @classmethod
    def of_rows(
        cls,
        lengths: Sequence[int],
        trained: Sequence[int],
        settings: RunSettings,
        counts: Mapping[int, int] | None = None,
    ) -> "Known":
        """Return what the rows tell: the micro-batch of the longest ones sets the peak.

        Args:
            lengths: Tokens of each row, before or after cutting.
            trained: Trained tokens of each row after cutting.
            settings: The run; its micro-batch and its maximal length count.
            counts: How many rows have each length, where `lengths` are but the longest.
        """
        limit = settings.data.max_length
        rows = sorted(zip(lengths, trained, strict=True), reverse=True)
        largest = rows[: settings.training.micro_batch]
        if not largest:
            return cls()
        longest = min(largest[0][0], limit)
        share = sum(count for _, count in largest) / (longest * len(largest))
        likely = _likely_together(Counter(lengths) if counts is None else counts, settings)
        together = min(likely, longest * settings.training.micro_batch)
        return cls(longest=longest, trained_share=min(share, 1.0), together=together)


def _likely_together(counts: Mapping[int, int], settings: RunSettings) -> int:
    """Return the most tokens that the rows of one step are likely to have in a run.

    They are drawn at random: b rows have b·mean tokens with a deviation of √b·σ, and the largest of
    n such sums lies where a share of 1/(n + 1) is larger.

    Args:
        counts: How many rows have each length, before or after cutting.
        settings: The run.
    """
    training, limit, number = settings.training, settings.data.max_length, sum(counts.values())
    mean = sum(count * min(length, limit) for length, count in counts.items()) / number
    square = sum(count * min(length, limit) ** 2 for length, count in counts.items()) / number
    rows = min(training.micro_batch * training.accumulation, number)
    beyond = NormalDist().inv_cdf(1 - 1 / (training.steps + 1))  # in deviations
    return round(rows * mean + beyond * sqrt(rows * max(0.0, square - mean**2)))


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One micro-batch of one method on one model.

    Attributes:
        model: Its matrices and those that get an adapter.
        method: How it is trained.
        adapter: The settings of the adapter; without effect in full fine-tuning.
        stack: Which program trains.
        checkpointed: Blocks that are computed again in backward; None: as many as it takes.
        attention: "sdpa", "flash" or "eager".
        packed: Rows lie end to end in one sequence, and attention has no mask.
        element: Bytes of a number of the compute type.
        residual_element: Bytes of a number of the hidden states between blocks.
        weight_element: Bytes of a frozen weight that is not quantized.
        attention_element: Bytes of a number inside attention.
        product_element: Bytes of a number in the adapters' own products.
        rows: Micro-batch.
        length: Tokens of the longest row, to which the others are padded.
        trained_share: Of the tokens; 1 is the upper bound.
        together: Tokens of a packed micro-batch; 0: rows × length.
        on_cpu: The step runs on the processor, in the memory of the worker process.
        shards: GPUs that split weights, gradients and moments among them.
    """

    model: ModelCells
    method: Method
    adapter: AdapterSettings
    stack: Stack
    optimizer: str
    accumulation: int
    checkpointed: int | None
    attention: str
    packed: bool
    element: int
    residual_element: int
    weight_element: int
    attention_element: int
    product_element: int
    rows: int
    length: int
    trained_share: float
    together: int
    on_cpu: bool
    shards: int

    @classmethod
    def of(
        cls, model: ModelCells, settings: RunSettings, method: Method, known: Known
    ) -> "Workload":
        """Return the workload of one method under these settings."""
        training, limit = settings.training, settings.data.max_length
        ours = method.name != "full" and model.architecture.kind == "decoder"
        stack = known.stack if ours or not known.stack.ours else TRAINER
        attention = known.attention or settings.model.attention
        if model.architecture.scores_made:
            attention = "eager"
        packable = stack.ours and attention != "eager" and model.architecture.packable
        packed = packable and training.packing
        element = element_bytes(settings.model.dtype, on_cpu=known.on_cpu)
        attended = settings.model.attention_dtype if packed else "auto"
        narrow = stack.ours and training.adapter_products == "model"
        made = cls(
            model=model,
            method=method,
            adapter=settings.adapter,
            stack=stack,
            optimizer=training.optimizer,
            accumulation=training.accumulation,
            checkpointed=None,
            attention=attention,
            packed=packed,
            element=_inner_element(stack, method, element),
            residual_element=ELEMENTS["fp32"] if _widened(stack, method) else element,
            weight_element=element,
            attention_element=_attention_element(
                attended, _attended(stack, method, element, attention), packed and known.on_cpu
            ),
            product_element=element if narrow else ELEMENTS["fp32"],
            rows=training.micro_batch,
            length=min(known.longest or limit, limit),
            trained_share=known.trained_share,
            together=known.together if packed and known.on_cpu else 0,
            on_cpu=known.on_cpu,
            shards=known.shards,
        )
        return made.checkpointing(training.gradient_checkpointing)

    def checkpointing(self, wanted: str | int) -> "Workload":
        """Return it with "off", "auto", "all" or a number of checkpointed blocks."""
        if wanted == "auto":
            return replace(self, checkpointed=None)
        named = {"off": 0, "all": self.trained_blocks}
        count = named[wanted] if isinstance(wanted, str) else wanted
        return replace(self, checkpointed=min(count, self.trained_blocks))

    @property
    def architecture(self) -> Architecture:
        """The dimensions of the model."""
        return self.model.architecture

    @property
    def tokens(self) -> int:
        """T: tokens in one forward pass."""
        return self.together or self.rows * self.length

    @property
    def padded(self) -> bool:
        """Rows may differ in length, so that attention gets a mask."""
        return self.rows > 1 and not self.packed and self.stack.masked

    @property
    def full(self) -> bool:
        """Every weight is trained, and no matrix has an adapter."""
        return self.method.name == "full"

    @property
    def dora(self) -> bool:
        """Adapters learn the length of every row besides."""
        return self.adapter.method == "dora" and not self.full

    @property
    def dropout(self) -> float:
        """Share of an adapter's input that is silenced."""
        return self.adapter.dropout if isinstance(self.adapter, LowRankSettings) else 0.0

    @property
    def shortened(self) -> bool:
        """Adapted matrices are computed in one step (`core.training.adapter_product`).

        That takes matrices of torch's Linear, which bitsandbytes also makes of GPT-2's Conv1D.
        """
        plain = self.adapter.method != "dora" and not self.dropout
        known = self.method.bits == 4 or not self.model.transposed
        linear = known and self.architecture.quantizable
        return self.stack.ours and plain and linear and self.method.bits != 8

    def adapter_of(self, rank: int) -> AdapterSettings:
        """Return the settings of an adapter with a rank of its own; 0 stands for the common one."""
        if rank and isinstance(self.adapter, LowRankSettings):
            return at_rank(self.adapter, rank)
        return self.adapter

    def rank_of(self, cell: Cell) -> int:
        """Return r of a target, 0 where its method has none."""
        return cell.rank or int(getattr(self.adapter, "rank", 0))

    @cached_property
    def first_block(self) -> int:
        """The lowest block that backward reaches: the first with an adapter."""
        if self.full or (not self.stack.ours and self.checkpointed != 0):
            return 0  # with checkpointing PEFT lets the gradient flow down to the embeddings
        layers = self.model.target_layers
        return next((i for i, cells in enumerate(layers) if cells), len(layers))

    @property
    def trained_blocks(self) -> int:
        """Number of blocks that backward goes through."""
        return self.architecture.layers - self.first_block

    @property
    def adapter_element(self) -> int:
        """Bytes of a number of the adapter, its gradient and its moments."""
        return self.weight_element if self.stack.adapter_follows else ELEMENTS["fp32"]

    @property
    def adapter_input_element(self) -> int:
        """Bytes of a number of the input that A multiplies outside of our engine."""
        return self.element if self.stack.autocast else self.adapter_element

    @property
    def logit_element(self) -> int:
        """Bytes of a logit as the head makes it."""
        upcast = self.stack.upcast == "all" and self.method.bits < 16 and not self.stack.autocast
        return ELEMENTS["fp32"] if upcast else self.weight_element

    @property
    def parameters(self) -> int:
        """P: all parameters of the base."""
        return self.model.matrix_parameters + self.model.other_parameters


def _widened(stack: Stack, method: Method) -> bool:
    """Whether fp32 norms make the hidden states fp32, as after k-bit preparation."""
    return method.bits < 16 and stack.upcast != "none"


def _inner_element(stack: Stack, method: Method, element: int) -> int:
    """Return the bytes of a number inside a block.

    bitsandbytes returns the type that it was given: fp32 after fp32 norms, unless autocast casts.
    """
    return ELEMENTS["fp32"] if _widened(stack, method) and not stack.autocast else element


def _attended(stack: Stack, method: Method, element: int, attention: str) -> int:
    """Return the bytes of a number that attention is given; flash casts fp32 to 16 bits."""
    return element if attention == "flash" else _inner_element(stack, method, element)


def _attention_element(dtype: str, element: int, on_cpu: bool) -> int:
    """Return the bytes of a number inside attention.

    "auto" is the compute type on a GPU. Packed rows on a processor are attended to in what a probe
    finds faster, so the larger is planned.
    """
    if dtype != "auto":
        return ELEMENTS[dtype]
    return ELEMENTS["fp32"] if on_cpu else element


def element_bytes(dtype: str, *, on_cpu: bool) -> int:
    """Return the bytes of a number of the compute type.

    "auto" is 16 bits on a GPU. On a processor a probe in the worker decides; its flags alone do not
    tell, so the larger is planned (and the interval reaches down to the smaller).
    """
    if dtype == "auto":
        dtype = "fp32" if on_cpu else "bf16"
    return ELEMENTS[dtype]
