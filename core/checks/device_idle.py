"""Is another run at work on this computer?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext
from core.run_folder import list_runs


@check("device-idle", 34)
def device_idle(context: CheckContext) -> Finding | None:
    """Warn of a run that shares processor or GPU with this one."""
    if context.runs is None:
        return None
    running = [run for run in list_runs(context.runs) if run.state().phase == "running"]
    if running:
        message = f"The run {running[0].path.name} is training now: both would be slower."
        return Finding("warn", message, "Wait until it ends, or stop it first.")
    return Finding("ok", "No other run of Rankscope is at work.")
