"""The dot of the run state: every state has a shape of its own besides its colour."""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.style.icons import paint_icon
from app.style.theme import Theme

TURN_MS = 50
"""Time between two pictures of the turning ring."""


class RunDot(QWidget):
    """Paints one of the drawings of `app.run_state.Face.dot`, or "triangle" for warnings."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._drawing, self._token, self._angle = "dashed", "text_3", 0
        self.setFixedSize(QSize(16, 16))
        self._timer = QTimer(self, interval=TURN_MS)
        self._timer.timeout.connect(self._turn)
        theme.changed.connect(self._on_theme)

    @property
    def drawing(self) -> str:
        """What is drawn."""
        return self._drawing

    def show_state(self, drawing: str, token: str) -> None:
        """Draw another state in the colour `token`."""
        self._drawing, self._token = drawing, token
        self._on_theme()

    def _on_theme(self) -> None:
        if self._drawing == "turning" and not self._theme.still:
            self._timer.start()
        else:
            self._timer.stop()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the state."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = self._theme.color(self._token)
        _DRAWINGS[self._drawing](self, painter, color)
        painter.end()

    def _turn(self) -> None:
        self._angle = (self._angle + 360 * TURN_MS // 1000) % 360
        self.update()

    def _ring(self, painter: QPainter, color: QColor) -> None:
        painter.setPen(QPen(color, 2))
        painter.drawEllipse(QPointF(8, 8), 4.5, 4.5)

    def _dashed(self, painter: QPainter, color: QColor) -> None:
        pen = QPen(color, 1.6)
        pen.setDashPattern([1.8, 1.7])
        painter.setPen(pen)
        painter.drawEllipse(QPointF(8, 8), 5, 5)

    def _turning(self, painter: QPainter, color: QColor) -> None:
        painter.setPen(QPen(color, 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawArc(QRectF(3.5, 3.5, 9, 9), -self._angle * 16, 270 * 16)

    def _disc(self, painter: QPainter, color: QColor) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawEllipse(QPointF(8, 8), 6, 6)

    def _ink(self) -> QColor:
        return self._theme.color("surface")

    def _play(self, painter: QPainter, color: QColor) -> None:
        self._disc(painter, color)
        painter.setBrush(self._ink())
        painter.drawPolygon([QPointF(6.4, 5), QPointF(11, 8), QPointF(6.4, 11)])

    def _gap(self, painter: QPainter, color: QColor) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawPie(QRectF(2, 2, 12, 12), 30 * 16, 300 * 16)

    def _pause(self, painter: QPainter, color: QColor) -> None:
        painter.fillRect(QRectF(4, 3, 3, 10), color)
        painter.fillRect(QRectF(9, 3, 3, 10), color)

    def _check(self, painter: QPainter, color: QColor) -> None:
        self._disc(painter, color)
        painter.setPen(QPen(self._ink(), 1.6))
        painter.drawPolyline([QPointF(5.3, 8.2), QPointF(7.3, 10.2), QPointF(10.8, 6)])

    def _square(self, painter: QPainter, color: QColor) -> None:
        painter.fillRect(QRectF(3.5, 3.5, 9, 9), color)

    def _cross(self, painter: QPainter, color: QColor) -> None:
        self._disc(painter, color)
        painter.setPen(QPen(self._ink(), 1.6))
        painter.drawLine(QPointF(5.8, 5.8), QPointF(10.2, 10.2))
        painter.drawLine(QPointF(10.2, 5.8), QPointF(5.8, 10.2))

    def _half(self, painter: QPainter, color: QColor) -> None:
        self._ring(painter, color)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawChord(QRectF(3, 3, 10, 10), 90 * 16, 180 * 16)

    def _triangle(self, painter: QPainter, color: QColor) -> None:
        paint_icon(painter, "triangle-alert", color, QRectF(0, 0, 16, 16))


_DRAWINGS: dict[str, Callable[[RunDot, QPainter, QColor], None]] = {
    "dashed": RunDot._dashed,
    "ring": RunDot._ring,
    "turning": RunDot._turning,
    "play": RunDot._play,
    "gap": RunDot._gap,
    "pause": RunDot._pause,
    "check": RunDot._check,
    "square": RunDot._square,
    "cross": RunDot._cross,
    "half": RunDot._half,
    "triangle": RunDot._triangle,
}
