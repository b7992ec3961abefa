"""Do the numbers of steps and rows go together?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext

MANY_EPOCHS = 10
WARMUP_SHARE = 3
"""A run should have at least three times as many steps as its warm-up."""


@check("steps", 28)
def steps(context: CheckContext) -> Finding | None:
    """Warn of batches larger than the data, of long warm-ups and of many passes over the rows."""
    if context.split is None:
        return None
    training = context.settings.training
    rows = len(context.split.train)
    batch = training.micro_batch * training.accumulation
    epochs = training.steps * batch / rows
    if batch > rows:
        message = f"One step takes {batch:,} rows, but there are {rows:,} to learn from."
        return Finding("warn", message, "Lower training.micro_batch or training.accumulation.")
    if training.warmup * WARMUP_SHARE > training.steps:
        message = f"{training.warmup} of {training.steps} steps are warm-up."
        changes = {"training.warmup": training.steps // 10}
        return Finding("warn", message, "Lower training.warmup, or train longer.", changes)
    if epochs > MANY_EPOCHS:
        message = f"Every row is seen {epochs:.0f} times: the model may learn them by heart."
        return Finding("warn", message, "Lower training.steps, or add rows.")
    return Finding("ok", f"{training.steps:,} steps of {batch:,} rows: {epochs:.1f} epochs.")
