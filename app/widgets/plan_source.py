"""Where the numbers of the memory page come from, and the two ways to know them better."""

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.exact_plans import ExactPlans
from app.session import Session
from app.style.theme import Theme
from app.why import SOURCE
from app.widgets.buttons import button
from app.widgets.cards import Chip, hairline
from app.widgets.fields import WhyPanel, why_button
from app.widgets.text import label
from app.words import plural
from core.memory.plan import MemoryPlan

CHIPS = {
    "formula": ("Formula", "fact", "hash"),
    "dry-run": ("Traced", "ok", "check"),
    "measured": ("Measured", "ok", "gauge"),
}
"""Words, tone and icon of each source of a plan."""
WORDS = {
    "formula": "Computed from the headers of the model.",
    "dry-run": "One training step was run without weights or data, and every tensor counted.",
    "measured": "Two real steps on the longest rows and one evaluation took this much.",
}


class PlanSource(QWidget):
    """A sentence, "Trace exactly" and "Measure", or what is under way and Cancel.

    Attributes:
        chip: The source in a word, for the header of the card.
        why: The button that explains it, for the same place.
    """

    def __init__(self, theme: Theme, session: Session, exact: ExactPlans) -> None:
        super().__init__()
        self.setObjectName("plan_source")
        self._session, self._exact = session, exact
        self.chip = Chip("Formula", theme=theme)
        self.words = label("", "small", wrap=True)
        self.note = label("", "small", "muted", wrap=True)
        self.trace = button("Trace exactly", theme=theme, icon="activity", small=True)
        self.trace.setObjectName("trace_button")
        self.trace.clicked.connect(exact.trace)
        self.measure = button("Measure", theme=theme, icon="gauge", small=True)
        self.measure.setObjectName("measure_button")
        self.measure.clicked.connect(exact.measure)
        self.cancel = button("Cancel", theme=theme, small=True)
        self.cancel.setObjectName("cancel_button")
        self.cancel.setAccessibleName("Cancel tracing or measuring")
        self.cancel.clicked.connect(exact.cancel)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of tracing or measuring")
        self.panel = WhyPanel(SOURCE)
        self.why = why_button(self.panel, "Where these numbers come from", theme=theme)
        self._lay_out()
        exact.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show the source of the session's plan, and what is under way."""
        exact, plan = self._exact, self._session.plan
        self.setVisible(plan is not None)
        busy = bool(exact.job)
        for shown in (self.bar, self.cancel):
            shown.setVisible(busy)
        for offered, why_not in (
            (self.trace, exact.why_no_trace),
            (self.measure, exact.why_no_measurement),
        ):
            offered.setVisible(not busy)
            offered.setEnabled(not why_not)
            offered.setToolTip(why_not)
        if plan is not None:
            self._show_source(plan)
        self._show_note()
        self.bar.setRange(0, 1000 if exact.share >= 0 else 0)
        self.bar.setValue(round(1000 * max(0.0, exact.share)))

    def _show_source(self, plan: MemoryPlan) -> None:
        word, tone, icon = CHIPS[plan.source]
        self.chip.set_text(word, "danger" if self._session.exhausted else tone, icon)
        self.words.setText(" ".join(self._sentences(plan)))

    def _sentences(self, plan: MemoryPlan) -> Iterator[str]:
        session = self._session
        if session.exhausted:
            yield f"Memory ran out {session.exhausted}: the run needs more than was free."
            return
        yield WORDS[plan.source]
        if plan.source == "measured" and session.device.kind == "cpu":
            yield "On a processor a long run may keep somewhat more."
        if plan.calibrated_by:
            count = plural(plan.calibrated_by, "measurement")
            yield f"Calibrated by {count} on this machine."
        if session.shelf.plans and not session.is_known_better:
            yield "What was traced or measured was for other settings; back there it counts again."

    def _show_note(self) -> None:
        """Say what is being done, else what went wrong, else what cannot be done now."""
        exact, session = self._exact, self._session
        if exact.job:
            stale = " For the settings as they were when it began." * exact.is_for_other_settings
            self._say(exact.message + stale, "")
        elif exact.problem:
            self._say(exact.problem, "danger")
        elif session.refusal:
            self._say(f"It cannot be traced. {session.refusal}", "warn")
        else:
            self._say(exact.why_no_measurement, "muted")

    def _say(self, text: str, tone: str) -> None:
        self.note.setText(text)
        self.note.setVisible(bool(text))
        self.note.set_tone(tone)

    def _lay_out(self) -> None:
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self.words)
        texts.addWidget(self.note)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addLayout(texts, 1)
        for offered in (self.trace, self.measure, self.cancel):
            line.addWidget(offered, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(hairline())
        layout.addLayout(line)
        layout.addWidget(self.bar)
        layout.addWidget(self.panel)
