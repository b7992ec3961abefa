"""The colour bar beside a heat map."""

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.plots.colors import viridis
from app.style.theme import Theme, font

BAR, HEIGHT, GAP = 120, 10, 6


class ColorBar(QWidget):
    """Draws the map with its ends written out; linear."""

    def __init__(
        self, theme: Theme, color: Callable[[float], QColor] = viridis, *, length: int = BAR
    ) -> None:
        super().__init__()
        self._theme, self._color, self._length = theme, color, length
        self._ends = ("", "")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def set_ends(self, low: str, high: str) -> None:
        """Write other ends."""
        self._ends = (low, high)
        self.setAccessibleName(f"Colours from {low}, dark, to {high}, bright")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the bar and its ends."""
        low, high = (QFontMetrics(font("caption")).horizontalAdvance(end) for end in self._ends)
        return QSize(low + high + self._length + 2 * GAP, 20)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it."""
        painter = QPainter(self)
        painter.setFont(font("caption"))
        painter.setPen(self._theme.color("text_2"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), middle | Qt.AlignmentFlag.AlignLeft, self._ends[0])
        painter.drawText(self.rect(), middle | Qt.AlignmentFlag.AlignRight, self._ends[1])
        left = QFontMetrics(font("caption")).horizontalAdvance(self._ends[0]) + GAP
        top = (self.height() - HEIGHT) / 2
        for x in range(self._length):
            painter.fillRect(QRectF(left + x, top, 1, HEIGHT), self._color(x / (self._length - 1)))
        painter.end()
