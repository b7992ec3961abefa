"""The slider over the evaluated steps of a run, with a button that plays them."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from app.style.theme import Theme
from app.widgets.buttons import icon_button
from app.widgets.cards import Chip
from app.widgets.text import label

PLAY_MS = 400


class StepSlider(QWidget):
    """Chooses one of some steps.

    Signals:
        chosen: (int) The user, or playing, has moved to another step.
    """

    chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._steps: list[int] = []
        self._best = -1
        self.setObjectName("step_slider")
        self.slider = _Slider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Step of the run")
        self.slider.valueChanged.connect(self._on_value)
        self.play = icon_button("play", "Play the steps", theme=theme)
        self.play.clicked.connect(self._on_play)
        self._words = label("", "label")
        self._best_chip = Chip("best", "ok", "star", theme=theme)
        self._timer = QTimer(self, interval=PLAY_MS)
        self._timer.timeout.connect(self._on_tick)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.play)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self._words)
        layout.addWidget(self._best_chip)

    @property
    def text(self) -> str:
        """What it says beside the slider."""
        return self._words.text()

    def show_steps(self, steps: list[int], step: int, best: int) -> None:
        """Offer these steps and stand at one of them, without a signal."""
        self._steps, self._best = steps, best
        blocked = self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(steps) - 1))
        self.slider.setValue(steps.index(step) if step in steps else 0)
        self.slider.blockSignals(blocked)
        self.slider.setEnabled(len(steps) > 1)
        self.play.setEnabled(len(steps) > 1)
        self._say(step)

    def hideEvent(self, _event: object) -> None:
        """Nothing plays where nobody looks."""
        self._stop()

    def _on_value(self, index: int) -> None:
        if index < len(self._steps):
            self._say(self._steps[index])
            self.chosen.emit(self._steps[index])

    def _on_play(self) -> None:
        if self._timer.isActive():
            self._stop()
            return
        if self.slider.value() == self.slider.maximum():
            self.slider.setValue(0)
        self.play.set_icon("pause")
        self.play.setAccessibleName("Stop playing")
        self._timer.start()

    def _on_tick(self) -> None:
        self.slider.setValue(self.slider.value() + 1)
        if self.slider.value() == self.slider.maximum():
            self._stop()

    def _stop(self) -> None:
        self._timer.stop()
        self.play.set_icon("play")
        self.play.setAccessibleName("Play the steps")

    def _say(self, step: int) -> None:
        self._words.setText(f"Step {step:,}")
        self._best_chip.setVisible(step == self._best)
        self.slider.setAccessibleDescription(f"Step {step}, {len(self._steps)} evaluated steps")


class _Slider(QSlider):
    """Leaves the wheel to the page unless it has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Act only with the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()
