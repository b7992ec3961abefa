"""Where a number that is none came from: the weight, the row, the first module that made it."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from core.training.passage import evaluating


def first_bad_weight(parameters: Iterable[tuple[str, torch.Tensor]]) -> str:
    """Return the name of the first tensor that is not finite, "" where all are."""
    named = [(name, tensor.detach()) for name, tensor in parameters if tensor.is_floating_point()]
    if all_finite([tensor for _, tensor in named]):
        return ""
    return next(name for name, tensor in named if not bool(tensor.isfinite().all()))


def all_finite(tensors: list[torch.Tensor]) -> bool:
    """Tell whether all numbers are finite: their norms are, in one look at the device."""
    if not tensors:
        return True
    return math.isfinite(float(torch.stack(torch._foreach_norm(tensors)).float().sum()))


def first_bad_module(model: nn.Module, run_once: Callable[[], object]) -> str:
    """Return the name of the module whose output is the first not to be finite, "" for none.

    Args:
        model: Whose modules are watched, those that hold others left out.
        run_once: Does one forward pass; called without gradients and dropout.
    """
    found: list[str] = []
    with _watching(model, found), evaluating(model):
        run_once()
    return found[0] if found else ""


def first_bad_gradient(parameters: dict[str, nn.Parameter]) -> str:
    """Return the parameter next to the loss whose gradient is not finite, "" for none.

    Gradients are made from the loss downwards, so the first bad one is that of the last parameter
    in the order of the forward pass.
    """
    for name, parameter in reversed(parameters.items()):
        if parameter.grad is not None and not bool(parameter.grad.isfinite().all()):
            return name
    return ""


@contextmanager
def _watching(model: nn.Module, found: list[str]) -> Iterator[None]:
    def watch(name: str) -> Callable[..., None]:
        def look(_: nn.Module, __: Any, output: Any) -> None:
            bad = isinstance(output, torch.Tensor) and not bool(output.isfinite().all())
            if bad and not found:
                found.append(name.replace(".base_layer", ""))

        return look

    leaves = [(name, module) for name, module in model.named_modules() if _is_leaf(module)]
    handles = [module.register_forward_hook(watch(name)) for name, module in leaves]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _is_leaf(module: nn.Module) -> bool:
    """Tell whether a module computes by itself; an adapted layer counts as one."""
    return not any(True for _ in module.children()) or hasattr(module, "lora_A")
