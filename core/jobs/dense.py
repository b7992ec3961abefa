"""The job `dense`: a LoRA of two models, or of an adapter that needs its base model."""

from collections.abc import Generator
from pathlib import Path
from typing import Literal

from pydantic import Field

from core.control import Control
from core.events import Event, Progress, RunEnded
from core.jobs.adapter import profile_of, written
from core.jobs.base import JOBS, JobRequest
from core.models.info import ModelInfo
from core.models.prepare import prepare
from core.models.sources import open_model
from core.ranks.actions.draft import Draft, opened
from core.ranks.actions.extract import Steps, convert_dora, extract, is_dora
from core.ranks.actions.truncation import balanced


class DenseRequest(JobRequest):
    """What is to be written as a LoRA.

    Attributes:
        action: "extract": `other`, a model, minus `base`. "convert": `other`, an adapter of
            another family.
        base: Source of the base model.
        rank: The most directions of a module; of a conversion that is exact, all of them stay.
        out: The new folder; nothing is overwritten.
        profile: Name of the exporter.
    """

    action: Literal["extract", "convert"]
    other: str
    base: str
    rank: int = Field(ge=1)
    out: str
    profile: str = "peft"


@JOBS.register("dense")
class DenseDesk:
    """Reads weights matrix by matrix; no torch."""

    Request: type[JobRequest] = DenseRequest

    def run(self, request: DenseRequest, control: Control) -> Generator[Event, None, None]:
        """Yield progress, then one reply: what was written, as in `Written`, and its error.

        Raises:
            UserError: A model or the adapter cannot be read, they do not belong together, or the
                folder exists.
        """
        base = open_model(str((yield from prepare(request.base, control))))
        draft, error = yield from _draft(request, base, control)
        if draft is None:
            yield RunEnded(outcome="stopped")
            return
        yield Progress(phase="saving", message="Writing the adapter …")
        yield from written(draft, request.out, profile_of(request.profile), control, error=error)


def _draft(
    request: DenseRequest, base: ModelInfo, control: Control
) -> Generator[Event, None, tuple[Draft | None, float]]:
    """Return the LoRA and ‖ΔW − ΔW_k‖/‖ΔW‖; None where it was asked to stop."""
    if request.action == "extract":
        tuned = open_model(str((yield from prepare(request.other, control))))
        return (yield from _told(extract(base, tuned, request.rank), control))
    path = Path(request.other)
    if is_dora(path):
        return (yield from _told(convert_dora(path, base, request.rank), control))
    return balanced(opened(path, base=base)), 0.0


def _told(steps: Steps, control: Control) -> Generator[Event, None, tuple[Draft | None, float]]:
    while not control.request:
        try:
            done, total = next(steps)
        except StopIteration as end:
            return end.value.draft, end.value.error
        message = f"Approximating matrix {done} of {total} …"
        yield Progress(phase="planning", message=message, share=done / total)
    return None, 0.0
