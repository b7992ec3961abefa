"""The measured peak of the run at hand, where it belongs beside the plan that is shown."""

from app.amounts import gib, off_by
from app.plan_shelf import decides_memory
from app.run_controller import RunController
from app.session import Session
from core.memory.plan import MemoryPlan
from core.settings import RunSettings


def measured_peak(session: Session, run: RunController) -> int:
    """Return the peak in bytes, or 0 where there is none or it is of another plan.

    It belongs to the plan only if that is for a device of this computer and for the settings with
    which the run was started.
    """
    if run.run is None or session.device.kind == "card" or run.settings is None:
        return 0
    if _decides_memory(run.settings) != _decides_memory(session.settings):
        return 0
    return run.measured_bytes


def deviation(plan: MemoryPlan, run: RunController, measured: int) -> str:
    """Return what the run was planned with when it began, and how far that was off.

    The plan at hand may be another: what "auto" comes to and which rows there are is known by then.
    """
    planned = run.predicted_bytes or plan.peak_bytes
    return f"planned {gib(planned)}, off by {off_by(planned, measured)}"


def _decides_memory(settings: RunSettings) -> tuple[object, ...]:
    """Return what the plan depends on, without what a run writes down in the place of "auto"."""
    checkpointed = settings.training.gradient_checkpointing
    undecided = {"model.dtype": "auto", "model.attention_dtype": "auto"}
    return (
        settings.model.bits,
        settings.model.double_quant,
        checkpointed if isinstance(checkpointed, str) else "auto",
        decides_memory(settings.with_changes(undecided)),
    )
