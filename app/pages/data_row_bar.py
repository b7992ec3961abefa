"""Which row is looked at: the one before, the next, one by its number, the longest and so on."""

from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QWidget

from app.style.theme import Theme
from app.widgets.buttons import button, icon_button
from app.widgets.controls import Segmented
from app.widgets.text import label

LANDMARKS = {
    "longest": "Longest row",
    "shortest": "Shortest row",
    "most_cut": "Row that loses most trained tokens",
    "untrained": "First row without a trained token",
}
NUMBER_WIDTH = 84


class RowBar(QWidget):
    """Steps, number and landmarks at the left; at the right how the row is looked at.

    Signals:
        stepped: (int) The next row of the list (1) or the one before (-1) is wanted.
        wanted: (int) The row of that index is wanted.
        view_changed: (bool) Whether it is shown as it is asked, not as it is learned.
    """

    stepped = Signal(int)
    wanted = Signal(int)
    view_changed = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._rows = 0
        self._landmarks: Mapping[str, int] = {}
        self.previous = icon_button("chevron-left", "Previous row", theme=theme)
        self.next = icon_button("chevron-right", "Next row", theme=theme)
        self.previous.clicked.connect(lambda: self.stepped.emit(-1))
        self.next.clicked.connect(lambda: self.stepped.emit(1))
        self.number = QLineEdit()
        self.number.setFixedWidth(NUMBER_WIDTH)
        self.number.setAccessibleName("Number of the row")
        self.number.setToolTip("A number and Enter show that row.")
        self.number.setValidator(QIntValidator(1, 2**31 - 1, self.number))
        self.number.returnPressed.connect(self._on_number)
        self.of = label("", "small", "muted")
        self.jump = button("Jump to", theme=theme, icon="target", small=True)
        self.menu = QMenu(self.jump)
        self.menu.aboutToShow.connect(self._fill)
        self.jump.setMenu(self.menu)
        options = [(False, "Learned"), (True, "Asked")]
        self.view = Segmented(options, theme=theme, name="Shown as it is")
        self.view.setToolTip(
            "Learned: the whole row, as in training. "
            "Asked: what the model is given when it shall answer, up to where the answer begins."
        )
        self.view.changed.connect(self.view_changed)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        for widget in (self.previous, self.number, self.of, self.next, self.jump):
            line.addWidget(widget)
        line.addStretch(1)
        line.addWidget(self.view)

    def show_rows(self, rows: int, landmarks: Mapping[str, int]) -> None:
        """Offer so many rows, and where to look first."""
        self._rows, self._landmarks = rows, landmarks
        self.of.setText(f"of {rows:,}" if rows else "")
        self.jump.setEnabled(bool(landmarks))
        self.setEnabled(rows > 0)

    def show_row(self, row: int) -> None:
        """Show which row it is."""
        if not self.number.hasFocus():
            self.number.setText(str(row + 1) if row >= 0 else "")

    def _on_number(self) -> None:
        row = min(max(1, int(self.number.text())), self._rows)
        self.number.setText(str(row))
        self.wanted.emit(row - 1)

    def _fill(self) -> None:
        self.menu.clear()
        for name, words in LANDMARKS.items():
            if name in self._landmarks:
                row = self._landmarks[name]
                action = self.menu.addAction(f"{words}: {row + 1:,}")
                action.setObjectName(name)
                action.triggered.connect(partial(self._to, row))

    def _to(self, row: int, *_: object) -> None:
        self.wanted.emit(row)
