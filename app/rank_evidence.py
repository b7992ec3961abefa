"""What was measured on the shown adapter with its base model and data, and asking for more."""

from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Signal

from app.assistant import Task
from app.pages.base import PageContext
from app.rank_source import RankSource
from core.errors import UserError
from core.events import Event, Progress, Reply, RunEnded
from core.jobs.evidence import EvidenceRequest, Measure
from core.models.info import ModelInfo
from core.ranks import AdapterSpectra
from core.ranks.against_base import BaseComparison
from core.ranks.base_weights import check_base
from core.ranks.before_after import BeforeAfter, Change
from core.ranks.curve import LossCurve
from core.ranks.evidence import Evidence
from core.ranks.find import find_adapter
from core.ranks.functional import FunctionalSpectra
from core.ranks.verdict import Verdict, judge
from core.settings import RunSettings

Changes = tuple[Change, ...]
"""What "losses" compares with the base model and the adapter as it is."""


class RankEvidence(QObject):
    """Finds results in the run folder, and has a worker measure what is missing.

    A measurement is about the adapter that the run leaves behind, which is its best step, or about
    the one that was opened; it never is about another step that the slider shows.

    Attributes:
        adapter: The folder that measurements and actions are about; None before a run has one.
        measuring: Which measurement is under way, or "".
        message, share: How far it is; share is −1 where nobody can know.
        error: Why the last measurement failed, or None.
        given_up: What was being measured when another adapter was opened, or "".

    Signals:
        changed: Any of the attributes, or a result. GUI thread.
    """

    changed = Signal()

    def __init__(self, context: PageContext, source: RankSource) -> None:
        super().__init__()
        self._context, self._source = context, source
        self._results: dict[tuple[Measure, Changes], Evidence | None] = {}
        self._judged: LossCurve | None = None
        self._verdict: Verdict | None = None
        self._compared: tuple[AdapterSpectra, ModelInfo, UserError | None] | None = None
        self.adapter: Path | None = None
        self._task: Task | None = None
        self.measuring: Measure | Literal[""] = ""
        self.message, self.share = "", -1.0
        self.error: UserError | None = None
        self.given_up = ""
        source.changed.connect(self._on_source)
        context.run.phase_changed.connect(self._on_phase)
        context.session.settings_changed.connect(self.changed)
        self.adapter = self._find()

    @property
    def why_not(self) -> str:
        """Why nothing can be measured now, or ""."""
        if self._context.run.alive:
            return "Training needs the device now; measure when it has finished."
        if self.adapter is None:
            return "There is no adapter yet: it is written when the run ends."
        if self.adapter.is_file():
            return "This adapter is a single file; Export writes the folder that measuring needs."
        spectra = self._source.spectra
        if spectra is not None and not spectra.trained:
            return "This adapter has changed nothing yet: there is nothing to measure."
        stranger = self.stranger
        return f"{stranger.message} {stranger.hint}" if stranger is not None else ""

    @property
    def stranger(self) -> UserError | None:
        """Why the adapter that was opened is not one of the chosen model, None where it may be."""
        spectra, model = self._source.spectra, self._context.session.model
        if self._source.opened is None or spectra is None or model is None:
            return None
        known = self._compared
        if known is None or known[0] is not spectra or known[1] is not model:
            self._compared = known = (spectra, model, _strange(spectra, model))
        return known[2]

    @property
    def about(self) -> str:
        """What a measurement is made with, in words."""
        settings = self._request("curve").settings if self.adapter is not None else None
        if settings is None:
            return ""
        rows = "held-out rows" if self._source.opened is None else "all rows"
        model, data = Path(settings.model.source).name, Path(settings.data.path).name
        return f"the model {model} and {rows} of {data}"

    @property
    def spectra(self) -> AdapterSpectra | None:
        """The spectra of `adapter`, whatever step the slider shows."""
        source = self._source
        best = source.spectra_of(source.best_step) if source.opened is None else None
        return best or source.spectra

    @property
    def settings(self) -> RunSettings:
        """The settings that measurements and actions compute with: of the run, or the chosen."""
        return self._request("curve").settings

    @property
    def curve(self) -> LossCurve | None:
        """The truncation-loss curve."""
        found = self._result("curve")
        return found if isinstance(found, LossCurve) else None

    @property
    def verdict(self) -> Verdict | None:
        """What the curve says about the rank; found once, since it resamples the examples."""
        curve = self.curve
        if curve is not None and curve is not self._judged:
            self._judged, self._verdict = curve, judge(curve)
        return self._verdict if curve is not None else None

    @property
    def use(self) -> FunctionalSpectra | None:
        """How the data use each direction."""
        found = self._result("use")
        return found if isinstance(found, FunctionalSpectra) else None

    @property
    def base(self) -> BaseComparison | None:
        """ΔW beside W₀."""
        found = self._result("base")
        return found if isinstance(found, BaseComparison) else None

    @property
    def losses(self) -> BeforeAfter | None:
        """Task and general text with base model and adapter, whatever else was compared."""
        known = (found for found in self._results.values() if isinstance(found, BeforeAfter))
        return next(known, None)

    def losses_after(self, changes: Changes) -> BeforeAfter | None:
        """Task and general text before and after changes."""
        found = self._result("losses", changes)
        return found if isinstance(found, BeforeAfter) else None

    def _result(self, measure: Measure, changes: Changes = ()) -> Evidence | None:
        if self.adapter is None:
            return None
        key = (measure, changes)
        if key not in self._results:
            try:
                request = self._request(measure, changes)
                request = request.as_use() if measure == "use" else request
                self._results[key] = request.result()
            except UserError:  # no data file any more: what depends on it is not known
                self._results[key] = None
        return self._results[key]

    def measure(self, measure: Measure, changes: Changes = ()) -> None:
        """Ask the worker; `changed` tells how far it is."""
        if self.why_not or self.measuring:
            return
        self.measuring, self.error, self.given_up = measure, None, ""
        self.message, self.share = "Starting the worker …", -1.0
        request = self._request(measure, changes).model_dump(mode="json")
        self._task = self._context.assistant.evidence.ask("evidence", request, self._on_event)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop measuring; nothing is kept of what was begun."""
        if self._task is not None:
            self._task.cancel()
        self._task, self.measuring = None, ""
        self.changed.emit()

    def _request(self, measure: Measure, changes: Changes = ()) -> EvidenceRequest:
        run = self._source.run
        if self._source.opened is None and run is not None:
            return EvidenceRequest.of_run(run, measure, changes=changes)
        settings = self._context.session.settings
        adapter = str(self._source.opened)
        return EvidenceRequest(
            measure=measure, adapter=adapter, settings=settings, rows="all", changes=changes
        )

    def _on_event(self, event: Event) -> None:
        match event:
            case Progress():
                self.message, self.share = event.message, event.share
            case Reply():
                # Only what was missing: the curve measures the use by the data on its way.
                self._results = {key: found for key, found in self._results.items() if found}
            case RunEnded():
                if event.outcome == "failed":
                    self.error = UserError(event.message, event.hint, event.details)
                self._task, self.measuring = None, ""
            case _:
                return
        self.changed.emit()

    def _on_source(self) -> None:
        adapter = self._find()
        if adapter != self.adapter:
            self.given_up = self._name() if self.measuring else ""
            if self.measuring:
                self.cancel()
            self._context.assistant.evidence.release()
            self.adapter, self.error = adapter, None
            self._results.clear()
            self.changed.emit()

    def _on_phase(self) -> None:
        if self._context.run.alive:  # its model would take the memory that training needs
            self.cancel()
            self._context.assistant.evidence.release()
        self._on_source()

    def _name(self) -> str:
        """Return the name of the adapter; the folder "adapter" of a run has the run's."""
        path = self.adapter or Path()
        return path.parent.name if path.name == "adapter" else path.name

    def _find(self) -> Path | None:
        """Return the adapter that measurements are about."""
        source = self._source
        if source.opened is not None:
            return source.opened
        try:
            return find_adapter(source.run.path) if source.run is not None else None
        except UserError:
            return None


def _strange(spectra: AdapterSpectra, model: ModelInfo) -> UserError | None:
    try:
        check_base(spectra, model)
    except UserError as error:
        return error
    return None
