"""The transformer blocks of a model, and a way to be heard between two of them.

One micro-batch of a large model on a processor takes longer than a person, or a machine that shuts
down, will wait. A block takes a fraction of a second; so a request is looked for before each, on
the way forward and on the way back. Whoever raises there leaves adapter and optimizer as they were.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def blocks_of(model: nn.Module) -> list[nn.Module]:
    """Return the blocks in their order; none where an architecture does not mark them."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


def listen_in_blocks(model: nn.Module, check: Callable[[], None]) -> None:
    """Call `check` before the forward and the backward pass of every block."""

    def before_forward(*_: Any) -> None:
        check()

    def before_backward(gradient: torch.Tensor) -> None:
        check()

    def after_forward(_: nn.Module, __: Any, output: Any) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        if isinstance(hidden, torch.Tensor) and hidden.requires_grad:
            hidden.register_hook(before_backward)  # type: ignore[no-untyped-call]

    for block in blocks_of(model):
        block.register_forward_pre_hook(before_forward)
        block.register_forward_hook(after_forward)
