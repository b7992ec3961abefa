"""Makes a model ready ahead of the first run: unpack the starter, convert, download."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.assistant import Assistant, Task
from app.style.theme import Theme
from app.widgets.buttons import button
from app.widgets.text import label
from core.events import Event, Progress, RunEnded
from core.models.info import ModelInfo


def needs_preparing(info: ModelInfo) -> bool:
    """Tell whether the first run would convert or download the model."""
    return not info.path or info.path.endswith(".gguf")


class PrepareRow(QWidget):
    """One sentence and "Prepare now", or progress and Cancel; hidden where nothing is to do.

    Signals:
        prepared: The model is a folder on this computer now.
    """

    prepared = Signal()

    def __init__(self, assistant: Assistant, theme: Theme) -> None:
        super().__init__()
        self._assistant = assistant
        self._task: Task | None = None
        self._source = ""
        self.words = label("", "small", "muted", wrap=True)
        self.start_button = button("Prepare now", theme=theme, small=True)
        self.start_button.setObjectName("prepare_button")
        self.cancel_button = button("Cancel", theme=theme, small=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of preparing the model")
        line = QHBoxLayout()
        line.addWidget(self.words, 1)
        line.addWidget(self.start_button)
        line.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        layout.addWidget(self.bar)
        self.start_button.clicked.connect(self.start)
        self.cancel_button.clicked.connect(self.cancel)
        self.hide()

    def show_model(self, info: ModelInfo | None) -> None:
        """Offer to prepare `info` where that is needed."""
        source = info.source if info is not None else ""
        if self._task is not None and source == self._source:
            return
        self.cancel()
        self._source = source
        self.setVisible(info is not None and needs_preparing(info))
        self._say("Converted once, at the first start of a run.")

    def start(self) -> None:
        """Have the worker prepare the model."""
        request = {"source": self._source}
        self._task = self._assistant.data.ask("prepare_model", request, self._on_event)
        self._say("Starting", busy=True)

    def cancel(self) -> None:
        """Stop preparing; what was written so far is thrown away by the worker."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._say("Cancelled. Nothing was kept.")

    def _on_event(self, event: Event) -> None:
        match event:
            case Progress():
                self._say(event.message, busy=True)
                self.bar.setRange(0, 1000 if event.share >= 0 else 0)
                self.bar.setValue(round(1000 * max(0.0, event.share)))
            case RunEnded(outcome="finished"):
                self._task = None
                self.hide()
                self.prepared.emit()
            case RunEnded():
                self._task = None
                self._say(f"{event.message} {event.hint}".strip() or "It did not come to an end.")

    def _say(self, text: str, *, busy: bool = False) -> None:
        self.words.setText(text)
        self.start_button.setVisible(not busy)
        self.cancel_button.setVisible(busy)
        self.bar.setVisible(busy)
