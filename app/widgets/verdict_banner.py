"""The verdict of the memory page: does the run fit, by how much, and how sure is that."""

from app.amounts import gib, tight_words
from app.measured import deviation, measured_peak
from app.run_controller import RunController
from app.session import Session
from app.style.theme import Theme
from app.widgets.cards import Banner
from app.words import plural
from core.memory.make_it_fit import Fit
from core.memory.plan import MemoryPlan
from core.memory.verdict import verdict

SOURCES = {
    "formula": "computed by formula from the headers of the model",
    "dry-run": "traced without weights",
    "measured": "measured on this device",
}


class VerdictBanner(Banner):
    """One sentence on the session's plan, and one on what follows."""

    def __init__(self, theme: Theme, session: Session, run: RunController) -> None:
        super().__init__("info", theme=theme)
        self._session, self._run = session, run

    def refresh(self, fit: Fit | None) -> None:
        """Judge the plan as it is now; `fit` is what would make it fit, None without a plan."""
        plan, device = self._session.plan, self._session.device
        if plan is None or fit is None:
            self.show_message(
                "Nothing to plan yet.", "Choose a model and at least one target layer.", tone="info"
            )
            return
        if self._session.exhausted:
            self.show_message(
                f"{plan.label} ran out of memory when it was measured.",
                f"It happened {self._session.exhausted}. A run would halve its micro-batch as long "
                "as it can.",
                tone="danger",
            )
            return
        judged = verdict(plan, device)
        left = gib(abs(judged.left_bytes))
        if judged.answer == "does not fit":
            self.show_message(f"{plan.label} misses by {left} GiB.", _way_out(fit), tone="danger")
        elif judged.answer == "tight":
            self.show_message(
                f"{plan.label} is tight: {tight_words(judged)}.",
                f"It may run out of memory when freed blocks do not close up.{_more_room(fit)}",
                tone="warn",
            )
        else:
            words = self._interval_words(plan)
            self.show_message(f"{plan.label} fits with {left} GiB to spare.", words, tone="ok")

    def _interval_words(self, plan: MemoryPlan) -> str:
        measured = measured_peak(self._session, self._run)
        if measured:
            words = deviation(plan, self._run, measured)
            return f"Measured peak {gib(measured)} GiB, {words}."
        return f"{gib(plan.low_bytes)} to {gib(plan.high_bytes)} GiB, {SOURCES[plan.source]}."


def _way_out(fit: Fit) -> str:
    """Return what the card of changes comes to, in a sentence."""
    count = len(fit.changes)
    if count:
        fitting = "fit" if fit.answer == "fits" else "fit, if barely"
        return f"{plural(count, 'change')} would make it {fitting}."
    if fit.failure == "weights":
        return "The weights alone are too large for it."
    return "Rounded weights fit, but no settings make the rest fit beside them."


def _more_room(fit: Fit) -> str:
    count = len(fit.changes)
    return f" {plural(count, 'change')} would leave enough." if count else ""
