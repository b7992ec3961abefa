"""Is another run at work on this computer?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext
from core.run_folder import list_runs


@check("device-idle", 34)
def device_idle(context: CheckContext) -> Finding | None:
    """Block a second run on a GPU, warn of one on the processor."""
    if context.runs is None:
        return None
    running = [run for run in list_runs(context.runs) if run.state().phase == "running"]
    if running:
        on_gpu = context.device is not None and context.device.kind == "cuda"
        worse = "neither has the memory it was planned for" if on_gpu else "both are slower"
        message = f"The run {running[0].path.name} is training now: {worse}."
        return Finding(
            "block" if on_gpu else "warn", message, "Wait until it ends, or stop it first."
        )
    return Finding("ok", "No other run of Rankscope is at work.")
