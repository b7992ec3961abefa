"""Does what a request asks for, and keeps the result."""

from collections.abc import Generator
from pathlib import Path

from core.events import Event
from core.evidence.against_base import compare_with_base
from core.evidence.before_after import measure_before_after
from core.evidence.bench import Bench, rows_of
from core.evidence.curve import measure_curve, still_falling
from core.evidence.functional import measure_use
from core.history import History
from core.jobs.evidence import EvidenceRequest
from core.ranks.evidence import Evidence
from core.ranks.evidence_shelf import keep_evidence
from core.ranks.functional import FunctionalSpectra
from core.run_folder import RunFolder
from core.training.guards import out_of_memory_in_words


def measure(bench: Bench, request: EvidenceRequest) -> Generator[Event, None, Evidence]:
    """Measure, keep the result in its file, and return it.

    Raises:
        UserError: There are no rows, the memory does not suffice, or the disk refuses.
        Halt: A stop was asked for.
    """
    with out_of_memory_in_words():
        result: Evidence
        if request.measure == "base":
            result = yield from compare_with_base(bench)
        elif request.measure == "use":
            return (yield from _use(bench, request))
        elif request.measure == "curve":
            result = yield from _curve(bench, request)
        else:
            data = request.settings.data
            rows, _ = yield from rows_of(bench, data, request.rows, request.examples)
            result = yield from measure_before_after(bench, rows, request.changes)
    keep_evidence(request.file(), result)
    return result


def _use(bench: Bench, request: EvidenceRequest) -> Generator[Event, None, FunctionalSpectra]:
    """Return how the data use the adapter, from its file where it was measured before."""
    found = request.result()
    if isinstance(found, FunctionalSpectra):
        return found
    rows, _ = yield from rows_of(bench, request.settings.data, request.rows, request.examples)
    measured = yield from measure_use(bench, rows)
    keep_evidence(request.file(), measured)
    return measured


def _curve(bench: Bench, request: EvidenceRequest) -> Generator[Event, None, Evidence]:
    data = request.settings.data
    rows, available = yield from rows_of(bench, data, request.rows, request.examples)
    use = yield from _use(bench, request.as_use())
    run = RunFolder(Path(request.adapter))
    losses = History(run.events()).steps["loss"] if run.settings_file.is_file() else None
    return (
        yield from measure_curve(
            bench,
            rows,
            request.rows,
            available=available,
            use=use,
            modes=request.modes,
            still_falling=None if losses is None else still_falling(losses),
        )
    )
