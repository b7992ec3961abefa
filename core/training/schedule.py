"""The course of the learning rate, as pure functions of the step."""

import math

from core.settings import TrainingSettings


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Return the learning rate of optimizer step `step`, counted from 1.

    The warm-up rises in equal parts and reaches the peak at step `warmup`; after it, cosine and
    linear fall towards zero, which they would reach one step after the last. wsd stays at the peak
    and falls in the last `decay_share` of all steps, also towards zero one step after the last.

    Raises:
        ValueError: `step` is no step of this run.
    """
    if not 1 <= step <= settings.steps:
        raise ValueError(f"step {step} is not in 1 to {settings.steps}")
    if step <= settings.warmup:
        return settings.learning_rate * step / settings.warmup
    falling = _falling_steps(settings)
    done = max(0.0, (step - 1 - settings.steps + falling) / falling)
    return settings.learning_rate * _SHAPES[settings.schedule](done)


def _falling_steps(settings: TrainingSettings) -> int:
    """Return over how many steps at the end the rate falls: for wsd not all after the warm-up."""
    after_warmup = settings.steps - settings.warmup
    if settings.schedule != "wsd":
        return after_warmup
    return min(after_warmup, max(1, round(settings.decay_share * settings.steps)))


def _cosine(done: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * done))


def _linear(done: float) -> float:
    return 1.0 - done


def _constant(done: float) -> float:
    return 1.0


def _one_minus_root(done: float) -> float:
    """Fall fast, then settle: the best of the shapes for wsd (Hägele et al., arXiv:2405.18392).

    The schedule itself is Hu et al.'s, arXiv:2404.06395.
    """
    return 1.0 - math.sqrt(done)


_SHAPES = {
    "cosine": _cosine,
    "linear": _linear,
    "constant": _constant,
    "wsd": _one_minus_root,
}
