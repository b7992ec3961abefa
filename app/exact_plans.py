"""Finds out what formulas only estimate: by a step without data, two real ones, or a rehearsal."""

from typing import Any

from PySide6.QtCore import QObject, Signal

from app.amounts import gib
from app.assistant import Assistant, Task
from app.plan_shelf import Subject
from app.run_controller import RunController
from app.session import Session
from core.events import Event, Progress, Reply, RunEnded
from core.memory.calibration import as_exhausted
from core.memory.methods import METHODS, method_of
from core.memory.plan import MemoryPlan

TRACE, MEASURE, REHEARSE = "dry_run", "probe", "rehearse"
"""The jobs of the worker."""


class ExactPlans(QObject):
    """One trace, measurement or rehearsal at a time, in a worker of its own that ends with it.

    What comes of it is put on the session's shelf for the settings that it was asked for, also
    where they have changed meanwhile.

    Attributes:
        job: What is under way: `TRACE`, `MEASURE`, `REHEARSE`, or "" for nothing.
        message: What it is doing.
        share: How far it is, between 0 and 1; -1 where nobody can know.
        problem: Why the last one came to nothing, "" where it did not.

    Signals:
        changed: Any of these. GUI thread.
    """

    changed = Signal()

    def __init__(self, session: Session, assistant: Assistant, run: RunController) -> None:
        super().__init__()
        self._session, self._assistant, self._run = session, assistant, run
        self._task: Task | None = None
        self._subjects: list[Subject] = []
        self._chosen: Subject
        self._formula: MemoryPlan
        self._rehearsed = ""
        self.job, self.message, self.share = "", "", -1.0
        self.problem = ""
        run.phase_changed.connect(self._on_run)
        session.settings_changed.connect(self._on_settings)

    # -- what can be done -------------------------------------------------------------------

    @property
    def why_no_trace(self) -> str:
        """Why nothing can be traced now, "" where it can."""
        return "" if self._session.plan is not None else "Choose a model and a target layer first."

    @property
    def why_no_measurement(self) -> str:
        """Why nothing can be measured now, "" where it can."""
        session = self._session
        model, device, used = session.model, session.device, session.devices[0]
        if model is None or session.plan is None:
            return self.why_no_trace
        if self._run.alive:
            return "Measuring waits until the run has ended: it needs the memory itself."
        if device.kind == "card":
            return "Only a device of this computer can be measured."
        if (device.kind, device.index) != (used.kind, used.index):
            return f"A run would use the {used.name}: choose it to measure."
        if not model.path:
            return "To measure, download the model first: on the Model page."
        if not session.has_all_rows:
            return "Measuring waits until the data has been read."
        return ""

    @property
    def is_for_other_settings(self) -> bool:
        """Whether the settings have changed since the job began."""
        formulas = self._session.formulas
        return bool(self.job) and self._chosen not in map(self._session.subject, formulas)

    # -- doing it ---------------------------------------------------------------------------

    def trace(self) -> None:
        """Trace all methods at the session's settings."""
        if self.job or self.why_no_trace:
            return
        from core.jobs.dry_run import DryRunRequest  # slow to import: after the first frame

        session = self._session
        request = DryRunRequest(
            settings=session.settings, known=session.known(), device=session.device
        )
        self._begin(TRACE, request.model_dump(mode="json"), "Building the model without weights")

    def measure(self) -> None:
        """Measure the session's settings by two real steps."""
        if self.job or self.why_no_measurement:
            return
        request = {"settings": self._session.settings.model_dump(mode="json")}
        self._session.measuring = True
        self._begin(MEASURE, request, "Starting the worker")

    def rehearse(self) -> None:
        """Do once all that a run with the session's settings would do, and measure it as well."""
        if self.job or self.why_no_measurement:
            return
        self._rehearsed = self._session.rehearsal_key
        request = {"settings": self._session.settings.model_dump(mode="json")}
        self._session.measuring = True
        self._begin(REHEARSE, request, "Starting the worker")

    def cancel(self) -> None:
        """End the worker at once, with all the memory that it holds; nothing is kept."""
        if self._task is not None:
            self._task.kill()

    def _begin(self, job: str, request: dict[str, Any], message: str) -> None:
        session = self._session
        self._subjects = [session.subject(plan) for plan in session.formulas]
        self._formula = session.formulas[METHODS.index(method_of(session.settings.model))]
        self._chosen = session.subject(self._formula)
        self.problem = ""
        self._say(job, message)
        self._task = self._assistant.alone(job, request, self._on_event, self._on_gone)

    def _say(self, job: str, message: str, share: float = -1.0) -> None:
        self.job, self.message, self.share = job, message, share
        self.changed.emit()

    def _on_run(self) -> None:
        """A run that begins gets the memory."""
        if self._run.alive and self.job in (MEASURE, REHEARSE):
            what = "Measuring" if self.job == MEASURE else "Trying it"
            self.cancel()
            self.problem = f"{what} was given up: the run needs the memory."
        self.changed.emit()

    def _on_settings(self) -> None:
        """What went wrong went wrong with other settings."""
        self.problem = ""
        self.changed.emit()

    # -- what comes of it -------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        match event:
            case Progress():
                self._say(self.job, event.message, event.share)
            case Reply() if self.job == TRACE:
                self._take_traces(event.data["plans"])
            case Reply():
                self._take_rehearsal(event.data.pop("rehearsal", None))
                if event.data:
                    self._take_measurement(event.data)
            case RunEnded(outcome="failed"):
                self.problem = f"{event.message} {event.hint}".strip()
            case RunEnded(outcome="interrupted"):
                self.problem = _lost_in_words(self.job)

    def _take_traces(self, made: list[dict[str, Any]]) -> None:
        shelf = self._session.shelf
        for subject, found in zip(self._subjects, made, strict=True):
            if found["why_not"]:
                shelf.refused[subject] = found["why_not"]
            else:
                shelf.put(subject, MemoryPlan(**found["plan"]))
        self._session.plan_again()

    def _take_rehearsal(self, facts: dict[str, Any] | None) -> None:
        if facts is not None:
            from core.checks import RehearsalFacts  # slow to import: after the first frame

            self._session.shelf.rehearsals[self._rehearsed] = RehearsalFacts(**facts)
            self._session.plan_again()

    def _take_measurement(self, data: dict[str, Any]) -> None:
        session = self._session
        if data["device"] != session.devices[0].kind:
            used = "the processor" if data["device"] == "cpu" else data["device"]
            self.problem = f"A run would use {used}, not the {session.devices[0].name}."
        elif data["plan"] is not None:
            session.shelf.put(self._chosen, MemoryPlan(**data["plan"]))
        else:
            session.shelf.put(self._chosen, as_exhausted(self._formula, session.device.free_bytes))
            peak = gib(data["measured_bytes"])
            session.shelf.exhausted[self._chosen] = f"{data['out_of_memory']}, at {peak} GiB"
        session.plan_again()

    def _on_gone(self) -> None:
        self._task = None
        self._session.measuring = False
        self._say("", "")
        if not self._run.alive:
            self._session.measure_devices()


def _lost_in_words(job: str) -> str:
    if job in (MEASURE, REHEARSE):
        return (
            "The worker ended without a word while it tried. Most likely the system was out of "
            "memory and ended it; then a run would end so too."
        )
    return "The worker ended without a word while it traced. Nothing is lost; try it again."
