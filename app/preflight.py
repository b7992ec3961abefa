"""The preflight checks that need the worker: rows as tokens, and a trial on the device."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.assistant import Task
from app.session import Session
from core.events import Event, Progress, Reply, RunEnded

if TYPE_CHECKING:
    from core.checks import CheckResult

CHECK_AFTER_MS = 800
"""The worker is asked when the settings have stood still for so long."""


class Preflight(QObject):
    """Asks the worker for all checks of the settings as they are, and again when they change.

    Attributes:
        results: What is known of the present settings; more come while the worker is at it.
        doing: What it is doing, "" while it is not at it.
        error: Why it could not, "" where it could.

    Signals:
        changed: Any of these is another.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._task: Task | None = None
        self.results: list[CheckResult] = []
        self.doing = self.error = ""
        self._timer = QTimer(self, singleShot=True, interval=CHECK_AFTER_MS)
        self._timer.timeout.connect(self.run)
        for signal in (session.settings_changed, session.model_changed, session.device_changed):
            signal.connect(self._on_change)
        session.data_changed.connect(self._on_change)

    @property
    def pending(self) -> bool:
        """Whether all checks of the present settings are still to come."""
        return bool(self.doing) or (self._timer.isActive() and self._can_ask)

    @property
    def _can_ask(self) -> bool:
        return self._session.model is not None and self._session.has_all_rows

    def run(self) -> None:
        """Ask the worker now; of settings without a model or rows there is nothing to ask."""
        self._timer.stop()
        if not self._can_ask:
            return
        session = self._session
        request = {"settings": session.settings.model_dump(), "device": asdict(session.device)}
        self._task = session.assistant.data.ask("check", request, self._on_event)
        self.doing = "Looking at model and data"
        self.changed.emit()

    def leave(self) -> None:
        """Ask no more: the window closes."""
        self._timer.stop()
        for signal in (self._session.settings_changed, self._session.data_changed):
            signal.disconnect(self._on_change)

    def _on_change(self) -> None:
        """Forget what was said of other settings."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self.results, self.doing, self.error = [], "", ""
        self._timer.start()
        self.changed.emit()

    def _on_event(self, event: Event) -> None:
        match event:
            case Progress():
                self.doing = event.message
            case Reply():
                from core.checks import CheckResult  # slow to import: after the first frame

                self.results = [CheckResult(**found) for found in event.data["checks"]]
            case RunEnded():
                self._task, self.doing = None, ""
                self.error = "" if event.outcome == "finished" else event.message
                self._session.learn_types()
        self.changed.emit()
