"""The probe: two real steps on the longest micro-batch and one evaluation, to measure their peak.

Everything is built and stepped as in a run, by the same functions. Nothing is written but the
measurement, and the adapter is thrown away.
"""

from collections.abc import Generator
from typing import Any

from core.control import Control
from core.errors import UserError
from core.events import Event, MemoryMeasured, Reply, RunEnded
from core.memory.calibration import as_measured
from core.memory.measurements import keep
from core.memory.plan import MemoryPlan
from core.paths import runs_dir
from core.run_folder import list_runs
from core.settings import RunSettings
from core.training.evidence import measurement
from core.training.exactness import add_in_order
from core.training.guards import HalfChanged, OutOfMemory, out_of_memory_in_words
from core.training.measure import PeakMemory
from core.training.requests import Halt, Requests
from core.training.start import Base, decide_checkpointing, prepare_base
from core.training.trainee import Rows, build_rows
from core.training.two_steps import TwoSteps


def probe(settings: RunSettings, control: Control) -> Generator[Event, None, None]:
    """Measure the peak memory of a run with these settings; the last event is the `Reply`.

    Its data are those of `measured`.

    Raises:
        UserError: A run is training, or this one could not be started.
    """
    requests = Requests(control)
    try:
        base, rows = yield from prepared(settings, requests)
        yield Reply(data=(yield from measured(base, rows, TwoSteps(base, rows, requests))))
    except Halt as halt:
        yield RunEnded(outcome=halt.outcome)


def prepared(
    settings: RunSettings, requests: Requests
) -> Generator[Event, None, tuple[Base, Rows]]:
    """Return the base model and the rows of a run that takes no other run's memory.

    Raises:
        UserError: A run is training, or this one could not be started.
        Halt: A stop or a pause was asked for.
    """
    _require_quiet()
    base = yield from prepare_base(settings, requests)
    rows = yield from build_rows(base.settings, base.folder, requests)
    base = yield from decide_checkpointing(base, rows.train, rows.held_out)
    return base, rows


def _require_quiet() -> None:
    """Refuse to measure beside a run: either would take the other's memory.

    Raises:
        UserError: A run is training.
    """
    for run in list_runs(runs_dir()):
        if run.state().phase == "running":
            raise UserError(
                f"The run {run.path.name} is training; it needs the memory itself.",
                "Measure when it has ended, or pause it first.",
            )


def measured(base: Base, rows: Rows, steps: TwoSteps) -> Generator[Event, None, dict[str, Any]]:
    """Do the steps, and return "predicted_bytes", "measured_bytes", "device" (its kind) and "plan".

    The last is the measured plan, or None where memory ran out; then "out_of_memory" (in what) and
    "details" say more.
    """
    predicted = base.plan(rows.train, rows.held_out).peak_bytes
    add_in_order(base.precision, wanted=base.settings.training.deterministic)
    memory = PeakMemory(base.precision.device)
    largest, details = None, ""
    try:
        with out_of_memory_in_words():
            largest = yield from steps.run()
    except (OutOfMemory, HalfChanged) as error:
        details = error.details
    peak = MemoryMeasured(predicted_bytes=predicted, measured_bytes=memory.bytes())
    yield peak
    plan: MemoryPlan | None = None
    if largest is not None:
        outside = memory.outside_bytes()
        keep(measurement(base, "probe", peak, largest, outside))
        on_cpu = base.precision.device.type == "cpu"
        formula = base.plan_largest(largest)
        plan = as_measured(formula, peak.measured_bytes, outside, on_cpu=on_cpu)
    return {
        "predicted_bytes": predicted,
        "measured_bytes": peak.measured_bytes,
        "device": base.precision.device.type,
        "out_of_memory": "" if plan else steps.at,
        "details": details,
        "plan": plan.as_fields() if plan else None,
    }
