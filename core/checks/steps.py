"""Do the numbers of steps and rows go together?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext

MANY_EPOCHS, USUAL_EPOCHS = 10, 3
USUAL_BATCH = 8
WARMUP_SHARE = 3
"""A run should have at least three times as many steps as its warm-up."""


@check("steps", 28)
def steps(context: CheckContext) -> Finding | None:
    """Warn of batches larger than the data, long warm-ups, many passes, and late looks."""
    if context.split is None:
        return None
    training = context.settings.training
    rows = len(context.split.train)
    batch = training.micro_batch * training.accumulation
    epochs = training.steps * batch / rows
    if batch > rows:
        message = f"One step takes {batch:,} rows, but there are {rows:,} to learn from."
        fix = "Lower training.micro_batch or training.accumulation."
        return Finding("warn", message, fix, _within(rows))
    if training.warmup * WARMUP_SHARE > training.steps:
        message = f"{training.warmup} of {training.steps} steps are warm-up."
        changes = {"training.warmup": training.steps // 10}
        return Finding("warn", message, "Lower training.warmup, or train longer.", changes)
    if epochs > MANY_EPOCHS:
        message = f"Every row is seen {epochs:.0f} times: the model may learn them by heart."
        enough = max(1, round(USUAL_EPOCHS * rows / batch))
        changes = {"training.steps": enough}
        return Finding("warn", message, "Lower training.steps, or add rows.", changes)
    if training.evaluate_every > training.steps and context.split.held_out:
        message = f"Only {training.steps:,} updates in this run, and it is looked at after them."
        often = max(1, training.steps // 5)
        fix = "Lower training.evaluate_every, or train longer."
        return Finding("warn", message, fix, {"training.evaluate_every": often})
    return Finding("ok", f"{training.steps:,} steps of {batch:,} rows: {epochs:.1f} epochs.")


def _within(rows: int) -> dict[str, int]:
    """Return a batch that a pass over the rows has several of."""
    batch = min(USUAL_BATCH, max(1, rows // USUAL_BATCH))
    return {"training.micro_batch": batch, "training.accumulation": 1}
