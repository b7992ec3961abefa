"""A list of facts: what at the left, the number at the right."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.widgets.text import ElidedLabel, Label, label


class Facts(QWidget):
    """Rows of name and value that keep their labels while the values change."""

    def __init__(self) -> None:
        super().__init__()
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setVerticalSpacing(6)
        self._layout.setHorizontalSpacing(12)
        self._layout.setColumnStretch(1, 1)
        self._names: dict[str, Label] = {}
        self._values: dict[str, ElidedLabel] = {}

    def show_fact(self, name: str, value: str, tone: str = "", why: str = "") -> None:
        """Show a value beside its name; the first call adds the row, none removes it.

        Args:
            name: What.
            value: How much.
            tone: Colour of the value.
            why: What the pointer, or a screen reader, is told of it.
        """
        if name not in self._values:
            row = len(self._values)
            self._values[name] = ElidedLabel("", "small", tone)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            self._values[name].setAlignment(right)
            self._names[name] = label(name, "small", "muted")
            self._layout.addWidget(self._names[name], row, 0)
            self._layout.addWidget(self._values[name], row, 1)
        self._values[name].set_full_text(value)
        self._values[name].setAccessibleName(f"{name}: {value}")
        self._values[name].set_tone(tone)
        self._names[name].setToolTip(why)
        self._values[name].setAccessibleDescription(why)

    def value(self, name: str) -> str:
        """Return what is shown beside `name`."""
        return self._values[name].full_text
