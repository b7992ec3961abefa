"""One layer of a model: its matrices side by side, to scale."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style.theme import Theme, mono
from app.widgets.grid_geometry import short_label

LABEL = 18
GAP = 16
LIMIT = 10
"""More kinds than that are not drawn: they would be slivers."""

Matrix = tuple[str, tuple[int, int]]
"""Kind and shape (out, in)."""


class LayerDrawing(QWidget):
    """Draws each matrix as a rectangle, out upwards and in to the right."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._matrices: tuple[Matrix, ...] = ()
        self.setAccessibleName("The matrices of one layer")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_matrices(self, matrices: tuple[Matrix, ...]) -> None:
        """Draw another layer."""
        self._matrices = matrices[:LIMIT]
        words = (f"{kind} {shape[0]} by {shape[1]}" for kind, shape in self._matrices)
        self.setAccessibleDescription(", ".join(words))
        self.update()

    def sizeHint(self) -> QSize:
        """Return a height for rectangles and labels."""
        return QSize(300, 72 + LABEL)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rectangles on a common base line, with their names under them."""
        if not self._matrices:
            return
        painter = QPainter(self)
        painter.setFont(mono(11))
        scale = self._scale()
        base = self.height() - LABEL
        left = 0.0
        for kind, (out, inputs) in self._matrices:
            width, height = max(3.0, inputs * scale), max(3.0, out * scale)
            slot = max(width, 26.0)
            attention = "att" in kind
            painter.setPen(QPen(self._theme.color("frozen_text" if attention else "frozen"), 1))
            painter.setBrush(self._theme.color("sunken" if attention else "frozen_soft"))
            box = QRectF(left + (slot - width) / 2, base - height, width, height)
            painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
            painter.setPen(self._theme.color("text_2"))
            name = QRectF(left - GAP / 2, base + 2, slot + GAP, LABEL - 2)
            painter.drawText(name, Qt.AlignmentFlag.AlignCenter, short_label(kind))
            left += slot + GAP

    def _scale(self) -> float:
        """Return pixels per row or column so that everything fits."""
        tallest = max(shape[0] for _, shape in self._matrices)
        scale = (self.height() - LABEL - 2) / tallest
        while scale > 1e-6 and self._width_at(scale) > self.width():
            scale *= 0.95
        return scale

    def _width_at(self, scale: float) -> float:
        slots = (max(shape[1] * scale, 26.0) for _, shape in self._matrices)
        return sum(slots) + GAP * (len(self._matrices) - 1) + 4
