"""The line that tries a run out: what it would do, how far it is, and how it went."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QProgressBar

from app.exact_plans import REHEARSE
from app.pages.base import PageContext
from app.setting_words import titled
from app.widgets.buttons import button
from app.widgets.cards import Card
from app.widgets.text import label

WHAT = (
    "Two steps on the longest rows, one evaluation, saved and loaded again: the surest check there "
    "is. It also measures the memory."
)


class RehearsalPanel(Card):
    """Starts a rehearsal, follows it, cancels it; its findings come to the list below."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self._exact, self._session = context.exact, context.session
        self._has_started = False
        self.title = label("Try the run before it starts", "card")
        self.words = label("", "small", "muted", wrap=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the rehearsal")
        self.start = button("Try it", theme=context.theme, icon="play", small=True)
        self.start.setObjectName("rehearse_button")
        self.start.clicked.connect(self._on_start)
        self.cancel = button("Cancel", theme=context.theme, small=True)
        self.cancel.clicked.connect(self._exact.cancel)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        grid.addWidget(self.title, 0, 0)
        grid.addWidget(self.words, 1, 0)
        grid.addWidget(self.bar, 2, 0)
        for widget in (self.start, self.cancel):
            grid.addWidget(widget, 0, 1, 3, 1, Qt.AlignmentFlag.AlignVCenter)
        self.body.addLayout(grid)
        self._exact.changed.connect(self.refresh)
        self._session.settings_changed.connect(self.refresh)
        self._session.data_changed.connect(self.refresh)
        self._session.plan_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show how the rehearsal stands."""
        exact = self._exact
        busy = exact.job == REHEARSE
        why_not = exact.why_no_measurement
        self.start.setVisible(not busy)
        self.start.setEnabled(not exact.job and not why_not)
        self.start.setText("Try again" if self._is_done() else "Try it")
        self.start.setToolTip(titled(why_not))
        self.cancel.setVisible(busy)
        self.bar.setVisible(busy)
        self.bar.setRange(0, 1000 if exact.share >= 0 else 0)
        self.bar.setValue(round(1000 * max(0.0, exact.share)))
        self.words.setText(titled(self._words(busy, why_not)))

    def _words(self, busy: bool, why_not: str) -> str:
        exact = self._exact
        if busy:
            return exact.message
        if exact.problem and self._has_started:
            return exact.problem
        if exact.job:
            return "It waits until the memory has been measured."
        if self._is_done():
            return "These settings have been tried; the list says how it went."
        return why_not or WHAT

    def _on_start(self) -> None:
        self._has_started = True
        self._exact.rehearse()

    def _is_done(self) -> bool:
        return self._session.rehearsal is not None
