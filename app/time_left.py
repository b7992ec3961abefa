"""How long a run will still take, as the run bar and the Train page tell it."""

from bisect import bisect_right
from statistics import median

from core.history import History

RECENT_STEPS = 30
"""Steps from which the pace is taken."""


def seconds_left(history: History, evaluate_every: int) -> float | None:
    """Estimate the rest of a live run in seconds; None before its first step.

    Steps cost their median pace, evaluations still to come what the newest one took: with many
    held-out rows they are the longer part.
    """
    steps = history.steps
    if history.started is None or not len(steps):
        return None
    total, done = history.started.total_steps, float(steps["step"][-1])
    tokens, speeds = steps["tokens"][-RECENT_STEPS:], steps["tokens_per_second"][-RECENT_STEPS:]
    pace = median(float(t / max(s, 1e-9)) for t, s in zip(tokens, speeds, strict=True))
    evaluated = int(history.evaluations["step"][-1]) if len(history.evaluations) else 0
    to_come = -(-total // max(1, evaluate_every)) - evaluated // max(1, evaluate_every)
    waiting = 0 if evaluated >= total else to_come
    return pace * max(0.0, total - done) + waiting * _evaluation_seconds(history)


def _evaluation_seconds(history: History) -> float:
    """Return what the newest evaluation took: from the event before it, 0 before there is one."""
    ends, steps = history.evaluations["seconds"], history.steps["seconds"]
    if not len(ends) or history.started is None:
        return 0.0
    end, before = float(ends[-1]), bisect_right(steps, float(ends[-1]))
    start = float(steps[before - 1]) if before else history.started.seconds
    return max(0.0, end - start)
