"""A search through the rows: the worker looks through them a stretch at a time."""

from typing import Any

from PySide6.QtCore import QObject, Signal

from app.assistant import Assistant, Task
from app.session import Session
from core.events import Event, Reply


class RowSearch(QObject):
    """Asks for the next stretch until all rows that have been read were looked at.

    Signals:
        found: (list of int) Some more rows, ascending; GUI thread.
        went_on: More rows have been looked at, or it is over.
    """

    found = Signal(object)
    went_on = Signal()

    def __init__(self, session: Session, assistant: Assistant) -> None:
        super().__init__()
        self._session, self._assistant = session, assistant
        self._wanted: dict[str, str] = {}
        self._task: Task | None = None
        self.looked_at = 0
        self.over = True

    def start(self, text: str, only: str) -> None:
        """Look for a text in those rows, from the first."""
        self._wanted = {"text": text, "only": only}
        self.looked_at = 0
        self.go_on()

    def go_on(self) -> None:
        """Look at the rows that have come since."""
        if not self._wanted:
            return
        if self._task is not None:
            self._task.cancel()
        self.over = False
        settings = self._session.settings
        request: dict[str, Any] = {
            "data": settings.data.model_dump(),
            "source": settings.model.source,
            "start": self.looked_at,
            **self._wanted,
        }
        self._task = self._assistant.data.ask("find", request, self._on_event)

    def stop(self) -> None:
        """Want nothing any more."""
        if self._task is not None:
            self._task.cancel()
        self._wanted, self._task, self.over = {}, None, True

    def _on_event(self, event: Event) -> None:
        if not isinstance(event, Reply):
            return
        self.looked_at = event.data["next"]
        self.over = not event.data["more"]
        if event.data["rows"]:
            self.found.emit(event.data["rows"])
        self.went_on.emit()
        if not self.over:
            self.go_on()
