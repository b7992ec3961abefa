"""Keys of a drawing: a swatch and a word, one after the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style.theme import Theme, font

GAP = 16
LINE = 18


@dataclass(frozen=True)
class Key:
    """One entry.

    Attributes:
        text: The word.
        shape: "cell", "hollow", "ring", "square", "hatched", "dot", "circle", "triangle",
            "cross", "band", "line" or "dashes".
        token: Colour of the swatch; `edge` the colour of its edge, if it has one.
    """

    text: str
    shape: str
    token: str
    edge: str = ""


class Legend(QWidget):
    """A row of keys."""

    def __init__(self, *keys: Key, theme: Theme) -> None:
        super().__init__()
        self._theme, self._keys = theme, keys
        self._widths: list[float] = []
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Legend: " + ", ".join(key.text for key in keys))
        theme.changed.connect(self._measure)
        self._measure()

    def set_keys(self, *keys: Key) -> None:
        """Show other entries."""
        if keys != self._keys:
            self._keys = keys
            self.setAccessibleName("Legend: " + ", ".join(key.text for key in keys))
            self._measure()

    def sizeHint(self) -> QSize:
        """Return the room of all entries."""
        width = sum(self._widths) + GAP * (len(self._keys) - 1)
        return QSize(int(max(0, width)) + 2, LINE)

    def minimumSizeHint(self) -> QSize:
        """Return the room of the widest entry."""
        return QSize(int(max(self._widths, default=0)) + 2, LINE)

    def heightForWidth(self, width: int) -> int:
        """Return the height of as many lines as `width` asks for."""
        return LINE * (1 + max((line for _, line in self._places(width)), default=0))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw all entries from left to right."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font("caption"))
        for key, (left, line) in zip(self._keys, self._places(self.width()), strict=True):
            swatch = _swatch_width(key)
            self._swatch(painter, key, QRectF(left + 0.5, LINE * line + 3.5, swatch, 11))
            painter.setPen(self._theme.color("text_2"))
            box = QRectF(left + swatch + 6, LINE * line, 300, LINE)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, key.text)

    def _places(self, width: int) -> list[tuple[float, int]]:
        """Return left edge and line of every entry."""
        places, left, line = [], 0.0, 0
        for own in self._widths:
            if left and left + own > width:
                left, line = 0.0, line + 1
            places.append((left, line))
            left += own + GAP
        return places

    def _measure(self) -> None:
        """Measure the entries once: a layout asks for their room again and again."""
        metrics = QFontMetricsF(font("caption"))
        self._widths = [
            _swatch_width(key) + 6 + metrics.horizontalAdvance(key.text) for key in self._keys
        ]
        self.updateGeometry()
        self.update()

    def _swatch(self, painter: QPainter, key: Key, box: QRectF) -> None:
        color = self._theme.color(key.token)
        edge = self._theme.color(key.edge) if key.edge else color
        if key.shape in ("line", "dashes"):
            style = Qt.PenStyle.DashLine if key.shape == "dashes" else Qt.PenStyle.SolidLine
            painter.setPen(QPen(color, 2, style))
            y = box.center().y()
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            return
        if key.shape == "band":
            color.setAlphaF(0.35)
            painter.fillRect(box.adjusted(0, 2, 0, -2), color)
            return
        if key.shape in _MARKERS:
            painter.setPen(QPen(color, 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush if key.shape == "circle" else color)
            _MARKERS[key.shape](painter, box.adjusted(1.5, 1.5, -1.5, -1.5))
            return
        painter.setPen(QPen(edge, 2 if key.shape == "ring" else 1))
        painter.setBrush(_fill(key.shape, color))
        painter.drawRoundedRect(box, 3, 3)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _triangle(painter: QPainter, box: QRectF) -> None:
    painter.drawPolygon([box.bottomLeft(), QPointF(box.center().x(), box.top()), box.bottomRight()])


def _cross(painter: QPainter, box: QRectF) -> None:
    painter.drawLine(box.topLeft(), box.bottomRight())
    painter.drawLine(box.bottomLeft(), box.topRight())


_MARKERS: Mapping[str, Callable[[QPainter, QRectF], None]] = {
    "dot": QPainter.drawEllipse,
    "circle": QPainter.drawEllipse,
    "triangle": _triangle,
    "cross": _cross,
}


def _swatch_width(key: Key) -> int:
    return 20 if key.shape in ("line", "dashes", "band") else 11


def _fill(shape: str, color: QColor) -> QColor | QBrush | Qt.BrushStyle:
    if shape == "hatched":
        return QBrush(color, Qt.BrushStyle.BDiagPattern)
    return color if shape in ("cell", "square") else Qt.BrushStyle.NoBrush
