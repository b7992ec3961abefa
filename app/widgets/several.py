"""Check boxes in a line, for a setting that holds any of a few names."""

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.widgets.controls import CheckBox


class Several(QWidget):
    """Any number of a few choices.

    A choice that is not available cannot be ticked, but one that was ticked elsewhere can still be
    taken back.

    Signals:
        changed: The user or the program chose others (a tuple, in the order of the options).
    """

    changed = Signal(object)

    def __init__(self, options: list[tuple[Any, str]]) -> None:
        super().__init__()
        self.boxes = {value: _box(text) for value, text in options}
        self._why_not: dict[Any, str] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(24)
        for box in self.boxes.values():
            layout.addWidget(box)
            box.changed.connect(self._on_changed)
        layout.addStretch(1)
        self.setFocusProxy(next(iter(self.boxes.values())))

    @property
    def value(self) -> tuple[Any, ...]:
        """The ticked options."""
        return tuple(value for value, box in self.boxes.items() if box.value)

    def set_value(self, values: tuple[Any, ...]) -> None:
        """Tick these, and no others."""
        for value, box in self.boxes.items():
            was = box.blockSignals(True)
            box.set_value(value in values)
            box.blockSignals(was)
        self._on_changed()

    def set_unavailable(self, value: Any, why_not: str) -> None:
        """Let one option be ticked no more, and say why in its tool tip."""
        self._why_not[value] = why_not
        self.boxes[value].setToolTip(why_not)
        self.boxes[value].setAccessibleDescription(why_not)
        self._enable()

    def _on_changed(self, _on: object = None) -> None:
        self._enable()
        self.changed.emit(self.value)

    def _enable(self) -> None:
        for value in self._why_not:
            self.boxes[value].setEnabled(self.boxes[value].value)


def _box(text: str) -> CheckBox:
    box = CheckBox(text.replace("&", "&&"))  # a single one would underline the next letter
    box.setAccessibleName(text)
    return box
