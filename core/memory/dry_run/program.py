"""A model as a program trains it: built, adapted, shortened, moved to the device."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import torch

from core.memory.dry_run.blocks import Kind
from core.memory.dry_run.device import move
from core.memory.dry_run.frozen import pack, quantize
from core.memory.dry_run.measure import Step, Subject
from core.memory.dry_run.model import TYPES, blocks_list, build, described, kinds_of, shorten
from core.memory.dry_run.ours import OurStep, largest_batch
from core.memory.dry_run.stock import StockStep, adapt, attention_name, prepare, widen
from core.memory.methods import Method
from core.memory.stack import Stack
from core.memory.workload import Known
from core.models.info import ModelInfo
from core.models.targets import resolve
from core.settings import RunSettings
from core.training.attention import NAME, register
from core.training.micro_batch import MicroBatch
from core.training.trainee import attach_adapter


Way = Literal["flash", "rows", "padded"]
"""How rows are attended to: packed by one kernel, packed one by one, or padded."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What runs: see `core.memory.dry_run.trace.dry_run`."""

    config: Any
    info: ModelInfo
    settings: RunSettings
    method: Method
    stack: Stack
    known: Known
    way: Way = "padded"

    def ways(self) -> Iterator["Program"]:
        """Yield it with the ways to attend, the fastest first, as our engine tries them."""
        eager = "eager" in (self.known.attention, self.settings.model.attention)
        if self.stack.ours and self.settings.training.packing and not eager:
            if not self.known.on_cpu and self.attention_dtype != torch.float32:
                yield replace(self, way="flash")
            yield replace(self, way="rows")
        yield replace(self, way="padded")

    @property
    def device(self) -> str:
        """What torch calls the kind of the device."""
        return "cpu" if self.known.on_cpu else "cuda"

    @property
    def full(self) -> bool:
        """Every weight is trained."""
        return self.method.name == "full"

    @property
    def dtype(self) -> torch.dtype:
        """Number type of weights and products; on a processor the larger where a probe decides."""
        return self._type(self.settings.model.dtype)

    @property
    def attention_dtype(self) -> torch.dtype:
        """Number type of attention over packed rows."""
        wanted = self.settings.model.attention_dtype
        return self.dtype if wanted == "auto" and not self.known.on_cpu else self._type(wanted)

    def _type(self, name: str) -> torch.dtype:
        auto = "fp32" if self.known.on_cpu else "bf16"
        return TYPES[auto if name == "auto" else name]

    @cached_property
    def attention(self) -> str:
        """What transformers calls the attention."""
        if self.packed:
            register()
            return NAME
        wanted = self.known.attention or self.settings.model.attention
        if self.stack.ours and wanted == "flash":
            wanted = "sdpa"
        return attention_name(self.config, wanted, self.stack)

    @property
    def length(self) -> int:
        """Tokens of the longest row."""
        limit = self.settings.data.max_length
        return min(self.known.longest or limit, limit)

    @property
    def packed(self) -> bool:
        """Our rows lie end to end."""
        return self.way != "padded"

    @cached_property
    def batch(self) -> MicroBatch:
        """Our micro-batch, on the processor and with content; not to be made under fake tensors."""
        return largest_batch(
            self.settings, self.length, self.known.trained_share, packed=self.packed
        )


@dataclass
class Bench:
    """A base model on meta that is to be measured.

    Attributes:
        base: The model.
        targets: Names of the modules that get an adapter.
        kinds: The kind of each of its blocks.
        checkpointed: Indices of the blocks that compute their activations again.
        parameters: Of the base, a shared one counted once.
    """

    program: Program
    base: Any
    targets: Sequence[str]
    kinds: list[Kind]
    checkpointed: Sequence[int]
    parameters: int

    @classmethod
    def of(cls, program: Program) -> "Bench":
        """Build the base model.

        Raises:
            UserError: A target matches no module, or the blocks are not marked.
            NotImplementedError: Packed rows do not go through this model.
        """
        config = copy.deepcopy(program.config)
        base = build(config, program.dtype, eager=program.attention == "eager")
        if program.packed and not base._supports_attention_backend:
            raise NotImplementedError(f"{type(base).__name__} attends in its own way")
        info = described(program.info, base)
        targets = () if program.full else resolve(program.settings.adapter.targets, info.grid)
        checkpointed = _checkpointed(program, base, targets)
        kinds = kinds_of(base, targets, checkpointed)
        parameters = sum(parameter.numel() for parameter in base.parameters())
        return cls(program, base, targets, kinds, checkpointed, parameters)

    def adapted(self, chosen: Sequence[int]) -> Any:
        """Leave it only the chosen blocks, quantize and adapt it; still on meta."""
        program = self.program
        names = shorten(self.base, chosen, self.targets)
        again = sum(block in self.checkpointed for block in chosen)
        if program.method.bits < 16:
            quantize(self.base, program.method, program.dtype)
        if program.stack.ours:
            changes = {"adapter.targets": names, "training.gradient_checkpointing": again or "off"}
            settings = program.settings.with_changes(changes)
            return attach_adapter(self.base, settings, described(program.info, self.base))
        model = self.base
        if not program.full:
            model = adapt(self.base, program.settings, program.stack, names)
        if program.method.bits < 16:
            widen(model, program.stack)
        return model

    def subject(self, model: Any) -> Subject:
        """Move the adapted model and return it as what is measured, inside of `simulated`."""
        program = self.program
        move(model, program.device)
        if program.method.bits < 16:
            pack(model, program.method, program.dtype, program.stack.gptq_group)
        model.train()
        self.base.set_attn_implementation(program.attention)
        return Subject(
            model=model,
            decoder=self.base.get_decoder(),
            blocks=list(blocks_list(self.base)[1]),
            device=program.device,
            vocabulary=self.base.config.get_text_config().vocab_size,
            full=program.full,
            keeps_gradients=program.settings.training.accumulation > 1,
            drops_gradients=program.stack.steps_in_backward,
        )

    def step(self, model: Any) -> Step:
        """Return the way of a micro-batch through the moved model."""
        program, settings = self.program, self.program.settings
        if program.stack.ours:
            return OurStep(
                model,
                settings,
                program.batch,
                program.device,
                attention=program.attention_dtype if program.packed else None,
                flash=program.way == "flash",
            )
        again, full = bool(self.checkpointed), program.full
        prepare(self.base, program.stack, checkpointed=again, trained_inputs=full)
        shape = settings.training.micro_batch, program.length
        return StockStep(model, program.stack, shape, program.device, program.dtype)


def _checkpointed(program: Program, base: Any, targets: Sequence[str]) -> Sequence[int]:
    """Return the blocks that compute their activations again; other programs know none or all."""
    prefix, blocks = blocks_list(base)
    wanted = program.settings.training.gradient_checkpointing
    if wanted in ("off", "auto", 0):
        return ()
    if not program.stack.ours:
        return range(len(blocks))
    first = min(int(name.removeprefix(f"{prefix}.").partition(".")[0]) for name in targets)
    return range(first, len(blocks) if wanted == "all" else min(len(blocks), first + int(wanted)))
