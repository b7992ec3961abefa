"""Can the model be computed in fp16?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext

OVERFLOWING = ("gemma", "gemma2", "gemma3", "gemma3_text", "t5", "mt5", "umt5", "phi")
"""Families whose hidden states are known to exceed 65,504, the largest fp16 number."""


@check("half-precision", 3)
def half_precision(context: CheckContext) -> Finding | None:
    """Warn of fp16 where the family is known for infinite values in it."""
    if context.model is None:
        return None
    family = context.model.architecture.family
    if context.settings.model.dtype == "fp16" and family in OVERFLOWING:
        message = f"Models of the family {family} overflow in fp16: the loss may become NaN."
        fix = "Set model.dtype to auto, which takes bf16 or fp32."
        return Finding("warn", message, fix, {"model.dtype": "auto"})
    return Finding("ok", f"The compute type {context.settings.model.dtype} suits the model.")
