"""The public function: one training step on a device that is not there."""

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch

from core.memory.devices import Device
from core.memory.dry_run.bench import Bench
from core.memory.dry_run.blocks import Kind, few, surroundings
from core.memory.dry_run.compose import Stands, compose, stand_for
from core.memory.dry_run.config import config_of, info_of
from core.memory.dry_run.device import simulated
from core.memory.dry_run.frozen import unpacking
from core.memory.dry_run.measure import Subject, measure
from core.memory.dry_run.program import Program
from core.memory.dry_run.update import Shapes, trace_update
from core.memory.methods import Method
from core.memory.overhead import library_workspace_bytes
from core.memory.plan import NOTHING, PARTS
from core.memory.stack import OURS, TRAINER, Stack
from core.memory.workload import Known
from core.models.info import Architecture, ModelInfo
from core.settings import RunSettings

REFUSALS = (
    *(NotImplementedError, TypeError, ValueError, LookupError, AttributeError, RuntimeError),
    AssertionError,
)
"""What is raised where a model looks at numbers, or does not take what a way hands down."""

logger = logging.getLogger("torch._subclasses.fake_tensor")


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What a step needs (bytes).

    Attributes:
        peak_bytes: The most that is allocated at once, workspaces of libraries included; stands for
            CUDA's max_memory_allocated.
        parts: The same by part of the plan; there is no context.
        moment: "forward" or "layer" (a block forward or backward), "loss" or "step".
        operator: What was running then.
        static_bytes: Allocated before the first micro-batch of a step.
        kept_bytes: What forward has added when the decoder is through.
        trained_parameters: N.
        parameters: All parameters of the base.
        blocks: Blocks of the model.
        traced_blocks: How many of them were run; the others are like these.
    """

    peak_bytes: int
    parts: Mapping[str, int]
    moment: str
    operator: str
    static_bytes: int
    kept_bytes: int
    trained_parameters: int
    parameters: int
    blocks: int
    traced_blocks: int


def dry_run(
    model: ModelInfo | Architecture | Mapping[str, Any],
    settings: RunSettings,
    method: Method,
    *,
    stack: Stack = OURS,
    known: Known = NOTHING,
    device: Device | None = None,
    whole: bool = False,
) -> Trace:
    """Run one optimizer step under fake tensors and return its peak.

    Args:
        model: A description, bare dimensions, or the content of a config.json.
        settings: The run; "auto" for gradient checkpointing is "off" here.
        method: What is trained and how many bits the frozen weights have.
        stack: The program that trains; for full fine-tuning the Trainer where this is ours.
        known: Length of the longest row, trained share, attention ("flash", or "" for the
            settings'), and whether it runs on the processor.
        device: Where it would run, for the workspaces of its libraries.
        whole: Trace every block, even where a few stand for all.

    Raises:
        UserError: transformers cannot build the model, a target matches no module, or the blocks
            of the model are not marked.
    """
    stack = TRAINER if method.name == "full" and stack.ours else stack
    program = Program(
        config=config_of(model),
        info=info_of(model),
        settings=settings,
        method=method,
        stack=stack,
        known=known,
    )
    *faster, plain = program.ways()
    with _quiet(), unpacking():
        for way in faster:
            with suppress(*REFUSALS):
                return _shortest(way, device, whole=whole)
        return _shortest(plain, device, whole=whole)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what libraries say of models that are never used, and torch's log of refusals."""
    disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.disabled = disabled


def _shortest(program: Program, device: Device | None, *, whole: bool) -> Trace:
    """Return the trace of a few blocks, or of all where they do not stand for the others."""
    traced = None if whole else _traced(program, few, device)
    if traced is None:
        traced = _traced(program, lambda kinds: list(range(len(kinds))), device)
    assert traced is not None  # every block stands for itself
    return traced


def _traced(
    program: Program, choose: Callable[[Sequence[Kind]], list[int]], device: Device | None
) -> Trace | None:
    """Return the trace of the blocks that `choose` picks, None if they do not stand for all."""
    bench = Bench.of(program)
    chosen = choose(bench.kinds)
    model = bench.adapted(chosen)
    with simulated(program.device):
        subject = bench.subject(model)
        measured = measure(subject, bench.step(model))
        alike = surroundings([bench.kinds[i] for i in chosen])
        stands: Stands | None = Stands.all(len(bench.kinds))
        if len(chosen) < len(bench.kinds):
            stands = stand_for(surroundings(bench.kinds), alike, measured)
        if stands is None:
            return None
        shapes = _trained_shapes(subject, stands.whole)
        update = trace_update(shapes, program.settings, program.stack, program.device)
    peak = compose(
        measured,
        stands,
        update,
        keeps_gradients=subject.keeps_gradients,
        library_workspace=0 if program.known.on_cpu else library_workspace_bytes(device),
    )
    return Trace(
        peak_bytes=sum(peak.parts.values()),
        parts={part: peak.parts.get(part, 0) for part in PARTS if part != "context"},
        moment=peak.moment,
        operator=peak.operator,
        static_bytes=peak.static,
        kept_bytes=peak.kept,
        trained_parameters=sum(shape.numel() for shape, _ in shapes),
        parameters=bench.parameters,
        blocks=len(bench.kinds),
        traced_blocks=len(chosen),
    )


def _trained_shapes(subject: Subject, standing: Sequence[int]) -> Shapes:
    """Return shape and type of every trained parameter of the whole model."""
    inside = [_trained(block.parameters()) for block in subject.blocks]
    known = {id(p) for block in subject.blocks for p in block.parameters()}
    outside = _trained(p for p in subject.model.parameters() if id(p) not in known)
    return [*outside, *(shape for block in standing for shape in inside[block])]


def _trained(parameters: Iterable[torch.Tensor]) -> Shapes:
    return [(p.shape, p.dtype) for p in parameters if p.requires_grad]
