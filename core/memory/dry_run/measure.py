"""Runs a step of a model and cuts it into stretches, block by block."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from core.memory.dry_run import kernels
from core.memory.dry_run.device import hear_again
from core.memory.dry_run.frozen import scales_of
from core.memory.dry_run.ledger import Amounts, Ledger, Stretch, minus, plus

START, END, LOSS, HEAD = "embeddings", "last norm", "loss", "loss backward"


def forward_of(block: int) -> str:
    """Return the name of the stretch in which a block goes forward."""
    return f"forward {block}"


def backward_of(block: int) -> str:
    """Return the name of the stretch in which a block goes backward."""
    return f"backward {block}"


class Step(Protocol):
    """One micro-batch of a program."""

    @property
    def inputs(self) -> dict[str, Any]:
        """What it reads, by name."""

    def forward(self) -> tuple[torch.Tensor | None, Any]:
        """Return what to go backward from, if anything, and what is held until that is over."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a step needs (bytes by part).

    Attributes:
        outside: The micro-batch, and the weights and adapters outside of the blocks.
        blocks: Weights and adapters of each block.
        lasting: What the first micro-batch leaves for good, such as a buffer for all matrices.
        stretches: `START`, forward of each block, `END`, `LOSS`, `HEAD` and backward of each block
            that backward reaches.
    """

    outside: Amounts
    blocks: tuple[Amounts, ...]
    lasting: int
    stretches: dict[str, Stretch]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is measured.

    Attributes:
        model: Moved and prepared.
        decoder: Its part that ends before the head.
        blocks: The blocks of the decoder.
        device: "cuda" or "cpu".
        vocabulary: V.
        full: Every weight is trained, and none is called an adapter.
        keeps_gradients: A micro-batch adds to the gradients of the one before.
        drops_gradients: Every gradient is used up as soon as it is there.
    """

    model: nn.Module
    decoder: nn.Module
    blocks: Sequence[nn.Module]
    device: str
    vocabulary: int
    full: bool = False
    keeps_gradients: bool = False
    drops_gradients: bool = False


def measure(subject: Subject, step: Step) -> Measured:
    """Run a micro-batch and return its stretches; once more where it left something for good."""
    gpu = subject.device == "cuda"
    if gpu:
        hear_again(subject.blocks)
    ledger = Ledger(
        subject.device,
        subject.vocabulary,
        kernels.STAND_INS,
        kernels.hidden_bytes if gpu else None,
    )
    blocks = tuple(_weights(ledger, block, full=subject.full) for block in subject.blocks)
    outside = _weights(ledger, subject.model, full=subject.full)
    ledger.file((x for x in step.inputs.values() if isinstance(x, torch.Tensor)), "activations")
    outside = plus(outside, {"activations": ledger.live.get("activations", 0)})
    before = ledger.live
    _watch(ledger, subject)
    with ledger:
        _run(ledger, subject, step)
        lasting = _more(ledger.live, before)
        if lasting:
            _run(ledger, subject, step)
    return Measured(outside=outside, blocks=blocks, lasting=lasting, stretches=ledger.stretches)


def _more(live: Amounts, before: Amounts) -> int:
    return sum(size for part, size in minus(live, before).items() if part != "gradients")


def _run(ledger: Ledger, subject: Subject, step: Step) -> None:
    for parameter in subject.model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.empty_like(parameter) if subject.keeps_gradients else None
            ledger.file([parameter.grad], "gradients")
    ledger.begin(START)
    loss, held = step.forward()
    if loss is not None:
        ledger.begin(HEAD)
        torch.autograd.backward(loss)  # loss.backward() would be out of hearing of `OnGpu`
    del loss, held
    ledger.begin("")


def _weights(ledger: Ledger, module: nn.Module, *, full: bool) -> Amounts:
    """Count the weights of a module that are not yet counted, and return what that added."""
    before = ledger.live
    for parameter in module.parameters():
        adapter = parameter.requires_grad and not full
        ledger.file([parameter], "adapter" if adapter else "weights", new=True)
    ledger.file([*module.buffers(), *scales_of(module)], "weights", new=True)
    return minus(ledger.live, before)


def _watch(ledger: Ledger, subject: Subject) -> None:
    """Let the ledger hear when a block begins and when a gradient is there."""
    for number, block in enumerate(subject.blocks):
        _watch_block(ledger, block, number, last=number == len(subject.blocks) - 1)
    subject.decoder.register_forward_hook(lambda *_: ledger.begin(LOSS))

    def gradient_made(parameter: torch.Tensor) -> None:
        ledger.file([parameter.grad], "gradients")
        if subject.drops_gradients:
            parameter.grad = None

    for parameter in subject.model.parameters():
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(  # type: ignore[no-untyped-call]
                gradient_made
            )


def _watch_block(ledger: Ledger, block: nn.Module, number: int, *, last: bool) -> None:
    def before_forward(*_: Any) -> None:
        ledger.begin(forward_of(number))

    def after_forward(_: nn.Module, __: Any, output: Any) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        if hidden.requires_grad:
            hidden.register_hook(lambda _: ledger.begin(backward_of(number)))
        if last:
            ledger.begin(END)

    block.register_forward_pre_hook(before_forward)
    block.register_forward_hook(after_forward)
