"""Adds to a context what a trial on the device tells; worker and command line only."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from core.checks.context import CheckContext, DeviceFacts

if TYPE_CHECKING:
    import torch

    from core.training.precision import Precision

SIZE = 64
"""Rows and columns of the tried matrices: a block of 4-bit weights has 64 numbers."""


def with_trial(context: CheckContext) -> CheckContext:
    """Return the context with what the run's own types of numbers do on its device."""
    from core.training.precision import choose_precision

    model = context.settings.model
    precision = choose_precision(model.dtype, model.attention_dtype)
    products = _reason(lambda: _try_product(precision))
    quantized = "" if model.bits == 16 else _reason(lambda: _try_quantized(precision, model.bits))
    trial = DeviceFacts(name=precision.device.type, products=products, quantized=quantized)
    return replace(context, trial=trial)


def _reason(attempt: Callable[[], None]) -> str:
    """Return why an attempt failed, in the words of whatever refused it; "" where it did not."""
    try:
        attempt()
    except Exception as error:  # noqa: BLE001 - drivers and kernels raise whatever they like
        return str(error).strip().partition("\n")[0] or type(error).__name__
    return ""


def _try_product(precision: "Precision") -> None:
    """Compute a product and its gradient.

    Raises:
        ValueError: They are not finite.
    """
    import torch

    rows = torch.ones(SIZE, SIZE, device=precision.device, dtype=precision.dtype)
    weights = torch.full_like(rows, 0.01, requires_grad=True)
    _require_finite(rows @ weights, weights)


def _try_quantized(precision: "Precision", bits: int) -> None:
    """Compute a product with quantized weights and its gradient."""
    import torch
    from bitsandbytes.nn import Linear4bit, Linear8bitLt

    made = (
        Linear4bit(SIZE, SIZE, bias=False, compute_dtype=precision.dtype, quant_type="nf4")
        if bits == 4
        else Linear8bitLt(SIZE, SIZE, bias=False, has_fp16_weights=False)
    )
    layer = made.to(precision.device)
    rows = torch.ones(SIZE, SIZE, device=precision.device, dtype=precision.dtype)
    rows.requires_grad_()
    _require_finite(layer(rows), rows)


def _require_finite(product: "torch.Tensor", leaf: "torch.Tensor") -> None:
    product.float().sum().backward()  # type: ignore[no-untyped-call]
    if leaf.grad is None or not (product.isfinite().all() and leaf.grad.isfinite().all()):
        raise ValueError("the result holds numbers that are not finite")
