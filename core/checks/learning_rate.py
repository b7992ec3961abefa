"""Is the learning rate in the band that usually works for adapters?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext

ADAPTIVE = (2e-5, 2e-3)
"""Adapters take about ten times the rate of full fine-tuning; most recipes use 1e-4 to 5e-4."""
USUAL = {
    "adamw": ADAPTIVE,
    "adamw8bit": ADAPTIVE,
    "paged_adamw8bit": ADAPTIVE,
    "adafactor": ADAPTIVE,
    "lion": (4e-6, 4e-4),  # a fifth: "3-10x smaller" than AdamW's, arXiv:2302.06675, section 5
    "sgd": (1e-3, 1.0),
}


@check("learning-rate", 30)
def learning_rate(context: CheckContext) -> Finding | None:
    """Say so where the learning rate is unusual, or with LoRA+ the faster one of B."""
    training = context.settings.training
    low, high = USUAL[training.optimizer]
    rate = training.learning_rate
    if not low <= rate <= high:
        likely = "learn hardly anything" if rate < low else "diverge"
        message = f"A learning rate of {rate:g} is unusual: the run may {likely}."
        nearest = min(max(rate, low), high)
        fix = f"Most adapters use {_text(low)} to {_text(high)}."
        return Finding("warn", message, fix, {"training.learning_rate": nearest})
    fastest = rate * training.lora_plus
    if fastest > high:
        message = f"With LoRA+, B learns at a rate of {fastest:g}: the run may diverge."
        slower = float(f"{high / training.lora_plus:g}")
        fix = f"Lower the learning rate to {slower:g}."
        return Finding("warn", message, fix, {"training.learning_rate": slower})
    return Finding("ok", f"A learning rate of {rate:g} is usual for adapters.")


def _text(rate: float) -> str:
    """Return 2e-5, as people write it, not 2e-05."""
    return f"{rate:g}".replace("e-0", "e-")
