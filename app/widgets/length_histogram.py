"""How long the rows are, and where they are cut: a histogram with a line that can be dragged."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style.theme import Theme, font
from app.words import percent, plural
from core.data.lengths import RowLengths

LEFT, RIGHT, TOP, BOTTOM = 40, 16, 6, 30
GRIP = QSize(12, 24)
WORDS = 180
"""Pixels that the words at the line may take."""
COMMIT_AFTER_MS = 500
"""An arrow key moves the line at once; the rows are cut anew when it has stood still so long."""


def nice_step(span: float, ticks: int) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that gives about `ticks` ticks."""
    raw = max(span, 1e-9) / max(1, ticks)
    power = 10.0 ** np.floor(np.log10(raw))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= raw))


class LengthHistogram(QWidget):
    """Painted; the line at the maximal length is dragged, or moved with the arrow keys.

    Signals:
        moved: (int) The line stands at another length, which is not that of the settings yet.
        length_chosen: (int) The line was let go at another length.
    """

    moved = Signal(int)
    length_chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._lengths = RowLengths()
        self._max_length = 256
        self._dragged: int | None = None
        self._low, self._high = 0.0, 1.0
        self._counts, self._edges = np.empty(0), np.empty(0)
        self.setObjectName("length_histogram")
        self.setAccessibleName("Lengths of the rows")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._commit = QTimer(self, singleShot=True, interval=COMMIT_AFTER_MS)
        self._commit.timeout.connect(self._let_go)
        theme.changed.connect(self.update)

    def show_lengths(self, lengths: RowLengths, max_length: int) -> None:
        """Show lengths in tokens, and the line."""
        self._lengths = lengths
        self._max_length, self._dragged = max_length, None
        longest = lengths.tokens.most or max_length
        shortest = lengths.tokens.least
        far = max_length > 1.6 * longest
        self._high = longest * 1.12 + 1 if far else max(longest, max_length) * 1.04 + 1
        self._low = max(0.0, min(shortest, max_length) - 0.06 * self._high)
        self._counts, self._edges = self._bins()
        self._describe()
        self.update()

    @property
    def length(self) -> int:
        """Where the line stands now, also while it is dragged."""
        return self._max_length if self._dragged is None else self._dragged

    def x_of(self, length: float) -> float:
        """Return the horizontal place of a length."""
        share = (length - self._low) / (self._high - self._low)
        return LEFT + share * (self.width() - LEFT - RIGHT)

    def sizeHint(self) -> QSize:
        """Return the design size."""
        return QSize(500, 124)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest height at which bars can be told apart."""
        return QSize(240, 96)

    # -- drawing ----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw bars, axis, marks and line."""
        if not len(self._lengths):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font("caption"))
        self._beyond(painter)
        self._grid(painter, int(self._counts.max()))
        self._bars(painter, self._counts, self._edges)
        self._axis(painter)
        self._median(painter)
        self._line(painter)

    def _bins(self) -> tuple[np.ndarray, np.ndarray]:
        width = max(1, round((self._high - self._low) / 60))
        first = int(self._low) // width * width
        edges = np.arange(first, self._high + width, width)
        tokens = self._lengths.tokens
        return np.histogram(tokens.values, edges, weights=tokens.counts)

    def _height(self) -> float:
        return self.height() - TOP - BOTTOM

    def _beyond(self, painter: QPainter) -> None:
        x = min(self.x_of(self.length), self.width() - RIGHT)
        area = QRectF(x, TOP, self.width() - RIGHT - x, self._height())
        painter.fillRect(area, self._theme.color("sunken"))

    def _grid(self, painter: QPainter, most: int) -> None:
        step = max(1, int(nice_step(most, 2)))
        for value in range(0, most + step, step):
            if value > most * 1.08 + 1:
                break
            y = TOP + self._height() * (1 - value / (most * 1.08 or 1))
            painter.setPen(QPen(self._theme.color("border" if value == 0 else "grid"), 1))
            painter.drawLine(QPointF(LEFT, y), QPointF(self.width() - RIGHT, y))
            painter.setPen(self._theme.color("text_2"))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, y - 8, LEFT - 6, 16), right, f"{value:,}")

    def _bars(self, painter: QPainter, counts: np.ndarray, edges: np.ndarray) -> None:
        most = counts.max() * 1.08
        for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
            if not count:
                continue
            x0, x1 = self.x_of(left), self.x_of(right)
            height = max(1.0, self._height() * count / most)
            token = "memory_context" if left >= self.length else "frozen"
            box = QRectF(x0, TOP + self._height() - height, max(1.0, x1 - x0 - 1), height)
            painter.fillRect(box, self._theme.color(token))

    def _axis(self, painter: QPainter) -> None:
        step = max(1.0, nice_step(self._high - self._low, 10))
        value = np.ceil(self._low / step) * step
        y = TOP + self._height()
        painter.setPen(self._theme.color("text_2"))
        while value <= self._high:
            box = QRectF(self.x_of(value) - 30, y + 2, 60, 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{value:,.0f}")
            value += step
        title = QRectF(LEFT, y + 15, self.width() - LEFT - RIGHT, 14)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(title, right, "tokens per row, after the chat template")

    def _median(self, painter: QPainter) -> None:
        median = self._lengths.tokens.percentile(0.5)
        x = self.x_of(median)
        painter.setPen(QPen(self._theme.color("text_3"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, TOP), QPointF(x, TOP + self._height()))
        if abs(x - self.x_of(self.length)) > 90:
            painter.drawText(QRectF(x + 4, TOP, 90, 14), f"median {median:,.0f}")

    def _line(self, painter: QPainter) -> None:
        outside = self.x_of(self.length) > self.width() - RIGHT
        x = min(self.x_of(self.length), self.width() - RIGHT - 6)
        token = "danger" if self._cut_rows() and self._dragged is None else "accent"
        color = self._theme.color(token)
        painter.setPen(QPen(color, 2))
        painter.drawLine(QPointF(x, TOP), QPointF(x, TOP + self._height()))
        grip = QRectF(x - 6, TOP + self._height() / 2 - 12, 12, 24)
        painter.setBrush(self._theme.color("surface"))
        painter.setPen(QPen(color, 2 if self.hasFocus() else 1.5))
        painter.drawRoundedRect(grip, 3, 3)
        for offset in (-2, 2):
            top, bottom = grip.top() + 7, grip.bottom() - 7
            painter.drawLine(QPointF(x + offset, top), QPointF(x + offset, bottom))
        self._words(painter, x, "  →" if outside else "")

    def _words(self, painter: QPainter, x: float, arrow: str) -> None:
        """Write where the line stands, at the side where there is room; numbers stand beside."""
        lines = (f"Max length {self.length:,}{arrow}", "drag, or use the arrow keys")
        left = self.width() - RIGHT - x < WORDS
        align = Qt.AlignmentFlag.AlignRight if left else Qt.AlignmentFlag.AlignLeft
        for row, text in enumerate(lines):
            painter.setFont(font("chip" if row == 0 else "caption"))
            painter.setPen(self._theme.color(("text", "text_2")[row]))
            start = x - 16 - WORDS if left else x + 16
            painter.drawText(QRectF(start, TOP + 18 + 14 * row, WORDS, 14), align, text)

    def _cut_rows(self) -> int:
        return self._lengths.cut(self.length)

    def _effect(self) -> str:
        cut = self._cut_rows()
        if not cut:
            return "cuts nothing"
        share = percent(cut / max(1, len(self._lengths)))
        words = f"cuts {plural(cut, 'row')} ({share})"
        lost, left = self._lengths.lost(self.length), self._lengths.trained(self.length)
        return f"{words} and {percent(lost / (lost + left))} of trained tokens" if lost else words

    def _describe(self) -> None:
        self.setAccessibleDescription(f"Max length {self.length} tokens, {self._effect()}")

    # -- dragging ---------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the line, from wherever in the plot."""
        if event.button() == Qt.MouseButton.LeftButton and len(self._lengths):
            self._drag_to(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Let the line follow."""
        self.setCursor(Qt.CursorShape.SplitHCursor)
        if event.buttons() & Qt.MouseButton.LeftButton and self._dragged is not None:
            self._drag_to(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let the line go."""
        self._let_go()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the line by one token, with Shift by ten."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if not step or not len(self._lengths):
            super().keyPressEvent(event)
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            step *= 10
        self._move_to(self.length + step)
        self._commit.start()

    def _drag_to(self, x: float) -> None:
        share = (x - LEFT) / max(1.0, self.width() - LEFT - RIGHT)
        self._move_to(round(self._low + share * (self._high - self._low)))

    def _move_to(self, length: int) -> None:
        self._dragged = max(8, length)
        self._describe()
        self.moved.emit(self._dragged)
        self.update()

    def _let_go(self) -> None:
        self._commit.stop()
        dragged = self._dragged
        if dragged is not None and dragged != self._max_length:
            self.length_chosen.emit(dragged)
        else:
            self._dragged = None
            self.update()
