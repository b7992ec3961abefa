"""Optional torch.compile, block by block, with the number of steps after which it has paid.

All blocks of a model share their code, so one compilation serves them; row lengths are left open,
because every packed micro-batch has others. Attention over packed rows stays as it is.
"""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch
from torch import nn

from core.events import Event, Notice, Progress
from core.training.attention import NAME, segment_attention
from core.training.blocks import blocks_of


@dataclass(frozen=True)
class Bargain:
    """What compiling cost, and what it brings.

    Attributes:
        cost: Seconds that the compilation took.
        before: Seconds of a forward and backward pass without it.
        after: The same with it.
    """

    cost: float
    before: float
    after: float

    def __str__(self) -> str:
        gain = self.before - self.after
        if gain <= 0:
            return (
                f"Compiling took {self.cost:.0f} s and does not pay here: a pass takes "
                f"{self.after:.2f} s instead of {self.before:.2f} s."
            )
        return (
            f"Compiling took {self.cost:.0f} s and saves {gain:.2f} of {self.before:.2f} s a pass: "
            f"it pays after {self.cost / gain:,.0f} of them."
        )


def compile_blocks(
    model: nn.Module, run_once: Callable[[], None]
) -> Generator[Event, None, Bargain | None]:
    """Compile the blocks of a model and tell whether that pays; None where it cannot be done.

    Args:
        model: Whose blocks are compiled in place.
        run_once: Does one forward and backward pass, whose gradients are thrown away.
    """
    yield Progress(phase="loading", message="Compiling the blocks")
    run_once()  # the first pass pays for set-up
    before = _seconds(model, run_once)
    plain = [(block, block.forward) for block in blocks_of(model)]
    _leave_attention_alone()
    for block, forward in plain:
        block.forward = torch.compile(forward, dynamic=True)
    try:
        cost = _seconds(model, run_once)
    except torch._dynamo.exc.TorchDynamoException as error:
        for block, forward in plain:
            block.forward = forward
        first_line = str(error).strip().splitlines()[0]
        message = f"torch.compile does not work here, so nothing is compiled: {first_line}"
        hint = "It needs a C++ compiler on a processor, and Triton on a GPU."
        yield Notice(level="warning", message=message, hint=hint)
        return None
    after = min(_seconds(model, run_once) for _ in range(2))
    bargain = Bargain(cost - after, before, after)
    yield Notice(level="info" if after < before else "warning", message=str(bargain))
    return bargain


def _leave_attention_alone() -> None:
    """Keep the compiler out of the rows: it would compile anew for every set of lengths."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register(NAME, torch.compiler.disable(segment_attention))  # type: ignore[no-untyped-call]


def _seconds(model: nn.Module, run_once: Callable[[], None]) -> float:
    started = time.perf_counter()
    run_once()
    if next(model.parameters()).is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - started
