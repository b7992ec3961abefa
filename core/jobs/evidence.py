"""The job `evidence`: what needs the base model or data to be known about an adapter."""

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from core.control import Control
from core.events import Event, Reply, RunEnded
from core.jobs.base import JOBS, JobRequest
from core.ranks.against_base import BaseComparison
from core.ranks.before_after import BeforeAfter, Change
from core.ranks.curve import MODES, LossCurve, Mode, Rows
from core.ranks.evidence import Evidence
from core.ranks.evidence_shelf import Shelf, adapter_fingerprint, data_identity, load_evidence
from core.ranks.find import find_adapter
from core.ranks.functional import FunctionalSpectra
from core.run_folder import RunFolder
from core.settings import RunSettings

if TYPE_CHECKING:
    from core.evidence.bench import Bench

Measure = Literal["curve", "use", "base", "losses"]

RESULTS: dict[Measure, type[Evidence]] = {
    "curve": LossCurve,
    "use": FunctionalSpectra,
    "base": BaseComparison,
    "losses": BeforeAfter,
}
"""curve: the truncation-loss curve. use: functional spectrum and sensitivities. base: ΔW beside W₀.
losses: task and general text, before and after changes."""


class EvidenceRequest(JobRequest):
    """One measurement.

    Attributes:
        measure: Which one.
        adapter: A PEFT or run folder.
        settings: Model, data and way of computing; those of the run where there is one.
        rows: Which examples tell the loss.
        examples: The most of them that are used, drawn with a fixed seed.
        modes: Lines of the curve; "uniform", which the verdict rests on, is always drawn.
        changes: What "losses" compares with base and adapter.
    """

    measure: Measure = "curve"
    adapter: str
    settings: RunSettings
    rows: Rows = "held-out"
    examples: int = Field(256, ge=2, le=1_000_000)
    modes: tuple[Mode, ...] = MODES
    changes: tuple[Change, ...] = ()

    @classmethod
    def of_run(
        cls, run: RunFolder, measure: Measure = "curve", **options: Any
    ) -> "EvidenceRequest":
        """Return the request for the adapter of a run, with the settings that it was made with."""
        return cls(measure=measure, adapter=str(run.path), settings=run.settings, **options)

    def as_use(self) -> "EvidenceRequest":
        """Return the request for how the data use the adapter, which the curve needs as well.

        It looks at the rows that were trained on, so that components are not chosen by the very
        rows that judge the choice.
        """
        rows: Rows = "all" if self.rows == "all" else "training"
        plain = {"modes": MODES, "changes": ()}
        return self.model_copy(update={"measure": "use", "rows": rows, **plain})

    def file(self) -> Path:
        """Return where the result lies, or will.

        Raises:
            UserError: There is no such adapter or data file.
        """
        settings = self.settings
        depends_on: dict[str, Any] = {"model": settings.model.model_dump()}
        if self.measure != "base":
            depends_on |= {
                "data": settings.data.model_dump(),
                "file": data_identity(settings.data.path),
                "seed": settings.training.seed,
                "products": settings.training.adapter_products,
                "rows": self.rows,
                "examples": self.examples,
            }
        if self.measure == "curve":
            depends_on["modes"] = sorted(self.modes)
        if self.measure == "losses":
            depends_on["changes"] = [change.model_dump() for change in self.changes]
        return Shelf(Path(self.adapter)).file(self.measure, depends_on)

    def result(self) -> Evidence | None:
        """Return what was measured before, None where nothing was."""
        return load_evidence(self.file(), RESULTS[self.measure])


@JOBS.register("evidence")
class EvidenceDesk:
    """The job `evidence`; keeps its model loaded for the next measurement."""

    Request: type[JobRequest] = EvidenceRequest

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._bench: Bench | None = None

    def run(self, request: EvidenceRequest, control: Control) -> Generator[Event, None, None]:
        """Yield progress, then one reply {"path": file with the result}.

        What was measured before is not measured again. A stop leaves no result.

        Raises:
            UserError: Model, adapter or data cannot be read, or do not belong together.
        """
        file = request.file()
        if request.result() is None:
            from core.training.requests import Halt

            try:
                bench = yield from self._opened(request, control)
                from core.evidence.measure import measure

                yield from measure(bench, request)
            except Halt as halt:
                yield RunEnded(outcome=halt.outcome)
                return
        yield Reply(data={"path": str(file)})

    def _opened(
        self, request: EvidenceRequest, control: Control
    ) -> Generator[Event, None, "Bench"]:
        from core.evidence.bench import open_bench
        from core.training.requests import Requests

        settings = request.settings
        adapter = Path(request.adapter)
        key = (settings.model, settings.training, adapter_fingerprint(find_adapter(adapter)))
        if self._bench is None or key != self._key:
            self._bench = None  # two models at once may not fit
            self._bench = yield from open_bench(settings, adapter, control)
            self._key = key
        self._bench.requests = Requests(control)
        return self._bench
