"""A bar of parts that make a whole, such as the parameters of a model."""

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style.theme import Theme
from app.words import percent


@dataclass(frozen=True)
class Part:
    """One part: its name, its size, and the token of its colour."""

    name: str
    size: float
    token: str


class PartsBar(QWidget):
    """Draws the parts one after the other, one pixel apart."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self._parts: tuple[Part, ...] = ()
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_parts(self, parts: tuple[Part, ...]) -> None:
        """Draw other parts."""
        self._parts = parts
        total = sum(part.size for part in parts) or 1.0
        words = (f"{part.name} {percent(part.size / total)}" for part in parts)
        self.setAccessibleDescription(", ".join(words))
        self.update()

    def sizeHint(self) -> QSize:
        """Return 12 pixels of height."""
        return QSize(120, 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw every part, the smallest 2 pixels wide."""
        painter = QPainter(self)
        total = sum(part.size for part in self._parts) or 1.0
        left = 0.0
        for part in self._parts:
            width = max(2.0, self.width() * part.size / total)
            painter.fillRect(
                QRectF(left, 0, width - 1, self.height()), self._theme.color(part.token)
            )
            left += width
