"""The course of the learning rate, as pure functions of the step."""

import math

from core.settings import TrainingSettings


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Return the learning rate of optimizer step `step`, counted from 1.

    The warm-up rises in equal parts and reaches the peak at step `warmup`; after it, cosine and
    linear fall towards zero, which they would reach one step after the last.

    Raises:
        ValueError: `step` is no step of this run.
    """
    if not 1 <= step <= settings.steps:
        raise ValueError(f"step {step} is not in 1 to {settings.steps}")
    if step <= settings.warmup:
        return settings.learning_rate * step / settings.warmup
    done = (step - 1 - settings.warmup) / (settings.steps - settings.warmup)
    return settings.learning_rate * _SHAPES[settings.schedule](done)


def _cosine(done: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * done))


def _linear(done: float) -> float:
    return 1.0 - done


def _constant(done: float) -> float:
    return 1.0


_SHAPES = {"cosine": _cosine, "linear": _linear, "constant": _constant}
