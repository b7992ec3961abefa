"""What stands in the place of a plot whose numbers have to be measured first."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.rank_evidence import Changes, RankEvidence
from app.style.theme import Theme
from app.widgets.buttons import IconLabel, button
from app.widgets.cards import Card
from app.widgets.text import label
from core.jobs.evidence import Measure

WIDTH = 520


class MeasurePanel(Card):
    """Says what a measurement tells and what it needs; starts it, shows how far it is, cancels it.

    Args:
        measure: Which measurement.
        words: What it will tell, and roughly what it costs.
        changes: What "losses" compares, asked for when it is started.
    """

    def __init__(
        self,
        measure: Measure,
        words: tuple[str, str],
        evidence: RankEvidence,
        theme: Theme,
        changes: Callable[[], Changes] = tuple,
    ) -> None:
        super().__init__()
        self._measure, self._evidence = measure, evidence
        self._icon = IconLabel("gauge", "text_3", theme=theme, size=24)
        self._title = label(words[0], "card", wrap=True)
        self._cost = label(words[1], "body", "muted", wrap=True)
        self._with = label("", "caption", "muted", wrap=True)
        self._error = label("", "small", "danger", wrap=True)
        self.start = button("Measure", theme=theme, icon="play")
        self.start.setObjectName(f"measure_{measure}")
        self.start.clicked.connect(lambda: evidence.measure(measure, changes()))
        self.stop = button("Cancel", theme=theme)
        self.stop.setObjectName(f"cancel_{measure}")
        self.stop.clicked.connect(evidence.cancel)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the measurement")
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for widget in (self.start, self.stop):
            buttons.addWidget(widget)
        buttons.addStretch(1)
        column = QWidget()  # of a fixed width, by which its texts know how many lines they need
        column.setFixedWidth(WIDTH)
        inner = QVBoxLayout(column)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(8)
        inner.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignHCenter)
        for text in (self._title, self._cost, self._with, self._error):
            text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            inner.addWidget(text)
        inner.addWidget(self.bar)
        inner.addLayout(buttons)
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(column)
        middle.addStretch(1)
        self.body.addStretch(1)
        self.body.addLayout(middle)
        self.body.addStretch(1)
        self.refresh()

    def refresh(self) -> None:
        """Show how the measurement stands."""
        evidence = self._evidence
        here = evidence.measuring == self._measure
        busy = bool(evidence.measuring)
        why_not = evidence.why_not
        self.start.setVisible(not here)
        self.start.setEnabled(not busy and not why_not)
        self.stop.setVisible(here)
        self.bar.setVisible(here)
        self.bar.setRange(0, 1000 if evidence.share >= 0 else 0)
        self.bar.setValue(round(1000 * max(0.0, evidence.share)))
        self._with.setText(self._state(here, busy, why_not))
        failed = evidence.error if not busy else None
        self._error.setText(f"{failed.message} {failed.hint}" if failed is not None else "")
        self._error.setVisible(failed is not None)

    def _state(self, here: bool, busy: bool, why_not: str) -> str:
        if here:
            return self._evidence.message
        if busy:
            return "Another measurement is under way."
        return why_not or f"Measured with {self._evidence.about}."
