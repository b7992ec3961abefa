"""Train: settings before a run, plots and log while it goes and afterwards."""

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QHideEvent, QResizeEvent, QShowEvent

from app.pages.base import NARROW, Page, PageContext
from app.pages.train_checks import ChecksView
from app.pages.train_settings import TrainSettings
from app.run_state import FACES, RunPhase
from app.widgets.buttons import button
from app.widgets.cards import Banner
from app.widgets.fields import Segmented
from core.events import Event, StepDone

if TYPE_CHECKING:
    from app.pages.train_run import RunView

REDRAW_MS = 70
"""About 14 pictures per second, and only where something is new."""
LOG_EVERY = 14
"""Redraws after which the ages in the log are written anew: one second."""


class TrainPage(Page):
    """Two views: the settings of the next run, and the run that is going on or was opened."""

    name: ClassVar[str] = "train"
    title: ClassVar[str] = "Train"
    sentence: ClassVar[str] = (
        "All of it is written to the run folder as it happens; closing the window does not stop it."
    )
    icon: ClassVar[str] = "activity"

    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self._run = context.run
        self.view: RunView | None = None
        self.switch = Segmented(
            [("settings", "Settings"), ("checks", "Checks"), ("run", "Run")],
            theme=context.theme,
            name="Show",
        )
        self.switch.changed.connect(self._show)
        self.folder_button = button("Run folder", theme=context.theme, icon="folder-open")
        self.folder_button.clicked.connect(self._on_folder)
        self.add_action(self.switch)
        self.add_action(self.folder_button)
        self._ticks = 0
        self.timer = QTimer(self, interval=REDRAW_MS)
        self.timer.timeout.connect(self._redraw)
        context.run.run_changed.connect(self._on_run)
        context.run.phase_changed.connect(self.rail_changed)
        context.run.event_arrived.connect(self._on_event)
        context.session.settings_changed.connect(self.rail_changed)

    def build(self) -> None:
        """Make the form; the plots are made when a run is first shown."""
        self.next_run = Banner("info", theme=self.context.theme)
        self.next_run.show_message(
            "These settings are for the next run.",
            "The run that is open keeps those it began with.",
            tone="info",
        )
        self.form = TrainSettings(self.context.session, self.context.theme)
        self.checks = ChecksView(self.context)
        self.body.addWidget(self.next_run)
        self.body.addWidget(self.form)
        self.body.addWidget(self.checks, 1)
        self._fit()
        self._on_run()

    def subtitle(self) -> str:
        """Steps that are planned, or how far the run is."""
        if self._run.run is None:
            return f"{self.context.session.settings.training.steps:,} steps planned"
        started, steps = self._run.history.started, self._run.history.steps["step"]
        if self._run.phase is RunPhase.RUNNING and started is not None and len(steps):
            return f"{100 * steps[-1] / max(1, started.total_steps):.0f} %"
        words = FACES[self._run.phase].word.lower()
        best = self._run.history.best
        return f"{words}, {best[1]:.2f}" if best else words

    def mark(self) -> str:
        """The state of the run."""
        if self._run.alive:
            return "running"
        marks = {RunPhase.FINISHED: "ok", RunPhase.FAILED: "error", RunPhase.INTERRUPTED: "warn"}
        return marks.get(self._run.phase, "")

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what came in the meantime, then follow."""
        super().showEvent(event)
        self._redraw()
        self.timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Draw nothing that nobody can see."""
        self.timer.stop()
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave things out in a small window."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        tight = self.width() < NARROW - 100
        if self._built:
            self.form.set_tight(tight)
        if self.view is not None:
            self.view.set_tight(tight)

    def _on_run(self) -> None:
        self.rail_changed.emit()
        if not self._built:
            return
        shown = self._run.run is not None
        why_not = "There is no run yet: press Start."
        self.switch.set_option_enabled("run", shown, why_not)
        self.folder_button.setEnabled(shown)
        self.folder_button.setToolTip("" if shown else why_not)
        if shown:
            self._make_view().show_run()
        self.switch.set_value("run" if shown else "settings")
        self._show(self.switch.value)

    def _make_view(self) -> "RunView":
        if self.view is None:
            from app.pages.train_run import RunView  # pyqtgraph comes with the first curve

            self.view = RunView(self.context)
            self._fit()
            self.body.addWidget(self.view, 1)
        return self.view

    def _show(self, which: str) -> None:
        if not self._built:
            return
        running = which == "run" and self._run.run is not None
        self.form.setVisible(not running and which != "checks")
        self.checks.setVisible(not running and which == "checks")
        self.next_run.setVisible(not running and self._run.run is not None)
        if self.view is not None:
            self.view.setVisible(running)

    def _on_event(self, event: Event) -> None:
        if self.view is not None:
            self.view.add(event)
        if isinstance(event, StepDone):
            self.rail_changed.emit()

    def _redraw(self) -> None:
        if self.view is not None and self.view.isVisible():
            self.view.redraw()
            self._ticks += 1
            if self._ticks % LOG_EVERY == 0:
                self.view.log.list.viewport().update()  # "12 s" becomes "13 s"

    def _on_folder(self) -> None:
        if self._run.run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._run.run.path)))
