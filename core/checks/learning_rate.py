"""Is the learning rate in the band that usually works for adapters?"""

from core.checks.base import CHECKS, Finding
from core.checks.context import CheckContext

USUAL = {"adamw": (2e-5, 2e-3), "adamw8bit": (2e-5, 2e-3), "sgd": (1e-3, 1.0)}
"""Adapters take about ten times the rate of full fine-tuning; most recipes use 1e-4 to 5e-4."""


@CHECKS.register("learning-rate")
def learning_rate(context: CheckContext) -> Finding | None:
    """Say so where the learning rate is unusual."""
    training = context.settings.training
    low, high = USUAL[training.optimizer]
    rate = training.learning_rate
    if not low <= rate <= high:
        likely = "learn hardly anything" if rate < low else "diverge"
        message = f"A learning rate of {rate:g} is unusual: the run may {likely}."
        return Finding("info", message, f"Most adapters use {low:g} to {high:g}.")
    return Finding("ok", f"A learning rate of {rate:g} is usual for adapters.")
