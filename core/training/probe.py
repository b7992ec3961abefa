"""The probe: two real steps on the longest micro-batch and one evaluation, to measure their peak.

Everything is built and stepped as in a run, by the same functions. Nothing is written but the
measurement, and the adapter is thrown away.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from core.control import Control
from core.data.batches import Order
from core.data.encode import Example
from core.errors import UserError
from core.events import Event, MemoryMeasured, Progress, Reply, RunEnded
from core.memory.calibration import as_measured
from core.memory.measurements import keep
from core.memory.plan import MemoryPlan
from core.paths import runs_dir
from core.run_folder import list_runs
from core.settings import RunSettings
from core.training.ahead import Batch, Largest
from core.training.blocks import listen_in_blocks
from core.training.evaluation import evaluate
from core.training.evidence import measurement
from core.training.exactness import add_in_order, order_in_words
from core.training.guards import HalfChanged, OutOfMemory, Overflow, out_of_memory_in_words
from core.training.measure import PeakMemory, free_memory
from core.training.micro_batch import Layout
from core.training.passage import Passage
from core.training.requests import Halt, Requests
from core.training.start import Base, decide_checkpointing, prepare_base
from core.training.step import Stepper
from core.training.trainee import Rows, Trainee, build_rows, build_trainee, wanted_passage
from core.training.trial import open_passage

STEPS = 2
"""The first makes the optimizer's moments, the second meets them."""


@dataclass
class _Look:
    """What is under way, and so what memory ran out in."""

    at: str = "while the model was loaded"


def probe(settings: RunSettings, control: Control) -> Generator[Event, None, None]:
    """Measure the peak memory of a run with these settings; the last event is the `Reply`.

    Its data are "predicted_bytes", "measured_bytes", "device" (its kind) and "plan", the measured
    plan, or None where memory ran out; then "out_of_memory" (in what) and "details" say more.

    Raises:
        UserError: A run is training, or this one could not be started.
    """
    _require_quiet()
    requests = Requests(control)
    try:
        base = yield from prepare_base(settings, requests)
        rows = yield from build_rows(base.settings, base.folder, requests)
        base = yield from decide_checkpointing(base, rows.train, rows.held_out)
        yield from _measured(base, rows, requests)
    except Halt as halt:
        yield RunEnded(outcome=halt.outcome)


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


def _measured(base: Base, rows: Rows, requests: Requests) -> Generator[Event, None, None]:
    """Load, step, evaluate, and reply."""
    predicted = base.plan(rows.train, rows.held_out).peak_bytes
    add_in_order(base.precision, wanted=base.settings.training.deterministic)
    memory, look = PeakMemory(base.precision.device), _Look()
    largest, details = None, ""
    try:
        with out_of_memory_in_words():
            largest = yield from _steps(base, rows, requests, look)
    except (OutOfMemory, HalfChanged) as error:
        details = error.details
    measured = MemoryMeasured(predicted_bytes=predicted, measured_bytes=memory.bytes())
    yield measured
    plan: MemoryPlan | None = None
    if largest is not None:
        peak, outside = measured.measured_bytes, memory.outside_bytes()
        keep(measurement(base, "probe", measured, largest, outside))
        on_cpu = base.precision.device.type == "cpu"
        plan = as_measured(base.plan_largest(largest), peak, outside, on_cpu=on_cpu)
    yield Reply(
        data={
            "predicted_bytes": predicted,
            "measured_bytes": measured.measured_bytes,
            "device": base.precision.device.type,
            "out_of_memory": "" if plan else look.at,
            "details": details,
            "plan": plan.as_fields() if plan else None,
        }
    )


def _steps(
    base: Base, rows: Rows, requests: Requests, look: _Look
) -> Generator[Event, None, Largest]:
    """Do the steps and the evaluation; return the size of the micro-batch."""
    yield Progress(phase="loading", message=f"Loading {base.info.name}")
    trainee = build_trainee(base.settings, base, rows)
    requests.check()
    wanted = wanted_passage(trainee.model, base.settings, trainee.precision)
    passage = yield from open_passage(wanted, base.info.architecture.vocab_size)
    free_memory()  # what loading left
    listen_in_blocks(trainee.model, requests.check_often)
    training = base.settings.training
    layout = Layout.of(rows.train, training.micro_batch, rows.pad_id, packed=passage.packed)
    batch = longest_batch(rows.train, layout, training.accumulation)
    stepper = Stepper(trainee, passage, requests)
    for number in range(1, STEPS + 1):
        look.at = f"in step {number}"
        message = f"Step {number} of {STEPS}: {batch.largest.tokens:,} tokens at once"
        yield Progress(phase="training", message=message, share=(number - 1) / (STEPS + 1))
        yield from _step(stepper, number, batch)
    if rows.held_out:
        look.at = "in the evaluation"
        yield from _evaluated(trainee, passage, layout, requests)
    return batch.largest


def _step(stepper: Stepper, number: int, batch: Batch) -> Generator[Event, None, None]:
    """Do one step, again with a smaller loss scale where a gradient leaves the range of fp16."""
    while True:
        try:
            with order_in_words():
                stepper.step(number, batch)
                return
        except Overflow:
            yield stepper.halve_scale()


def _evaluated(
    trainee: Trainee, passage: Passage, layout: Layout, requests: Requests
) -> Generator[Event, None, None]:
    """Evaluate the largest micro-batch of held-out rows."""
    message = "One evaluation, of the longest held-out rows"
    yield Progress(phase="evaluating", message=message, share=STEPS / (STEPS + 1))
    rows = _fullest(_longest_first(trainee.held_out), layout)
    for _ in evaluate(replace(trainee, held_out=rows), passage, layout, requests):
        pass


def longest_batch(rows: Sequence[Example], layout: Layout, accumulation: int) -> Batch:
    """Return the largest micro-batch that a step over these rows can have.

    That is the fullest one of the step that draws all of the longest rows. Where steps have
    several micro-batches it comes twice, since the second meets the gradients of the first.
    """
    part = _fullest(_longest_first(rows)[: layout.micro_batch * accumulation], layout)
    times = min(2, accumulation)
    micro_batches = (layout.tensors(part),) * times
    return Batch(tuple(part) * times, layout, micro_batches, Order(len(rows), 0).state)


def _longest_first(rows: Sequence[Example]) -> list[Example]:
    return sorted(rows, key=lambda row: len(row.ids), reverse=True)


def _fullest(rows: Sequence[Example], layout: Layout) -> list[Example]:
    """Return the rows of the largest micro-batch."""
    return max(layout.split(rows), key=layout.largest)
