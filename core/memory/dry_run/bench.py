"""A model as a program trains it: built, adapted, shortened, moved to the device."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.memory.dry_run.blocks import Kind
from core.memory.dry_run.device import move
from core.memory.dry_run.frozen import pack, quantize
from core.memory.dry_run.measure import Step, Subject
from core.memory.dry_run.model import blocks_list, build, described, kinds_of, shorten
from core.memory.dry_run.ours import OurStep
from core.memory.dry_run.program import Program
from core.memory.dry_run.stock import StockStep, adapt, prepare, widen
from core.models.targets import resolve
from core.training.micro_batch import MicroBatch
from core.training.trainee import attach_adapter


@dataclass
class Bench:
    """A base model on meta that is to be measured.

    Attributes:
        base: The model.
        targets: Names of the modules that get an adapter.
        kinds: The kind of each of its blocks.
        checkpointed: Indices of the blocks that compute their activations again.
        parameters: Of the base, a shared one counted once.
        batch: The micro-batch of our engine; None for other programs.
    """

    program: Program
    base: Any
    targets: Sequence[str]
    kinds: list[Kind]
    checkpointed: Sequence[int]
    parameters: int
    batch: MicroBatch | None

    @classmethod
    def of(cls, program: Program) -> "Bench":
        """Build the base model.

        Raises:
            UserError: A target matches no module, or the blocks are not marked.
            NotImplementedError: Packed rows do not go through this model, or modules have ranks of
                their own.
        """
        if getattr(program.settings.adapter, "rank_pattern", ()):
            raise NotImplementedError(
                "blocks differ in their ranks, so that few do not stand for all"
            )
        config = copy.deepcopy(program.config)
        base = build(config, program.dtype, eager=program.attention == "eager")
        if program.packed and not base._supports_attention_backend:
            raise NotImplementedError(f"{type(base).__name__} attends in its own way")
        info = described(program.info, base)
        targets = () if program.full else resolve(program.settings.adapter.targets, info.grid)
        checkpointed = _checkpointed(program, base, targets)
        kinds = kinds_of(base, targets, checkpointed)
        parameters = sum(parameter.numel() for parameter in base.parameters())
        batch = program.batch() if program.stack.ours else None
        return cls(program, base, targets, kinds, checkpointed, parameters, batch)

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
        if self.batch is not None:
            return OurStep(
                model,
                settings,
                self.batch,
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
