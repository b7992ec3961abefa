"""The tokens of one row, each in its box: trained, masked or cut.

Only the visible lines are painted and every token can be pointed at, so that a row of 100,000
tokens scrolls as smoothly as one of ten.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from app.style.theme import Theme, mono

LINE = 27
BOX = 22
PADDING = 8
GAP = 4
GROUND = {"trained": "learned_soft", "masked": "sunken", "cut": "surface", "asked": "accent_soft"}
INK = {"trained": "learned_text", "masked": "text_2", "cut": "text_3", "asked": "text"}
_VISIBLE = {"\n": "⏎", "\t": "→", "\r": "␍"}


@dataclass(frozen=True)
class Token:
    """One token; `state` is "trained", "masked" or "cut", or "asked" without an answer."""

    id: int
    text: str
    state: str
    special: bool = False

    @property
    def shown(self) -> str:
        """The text with spaces and line ends made visible."""
        text = "".join(_VISIBLE.get(letter, letter) for letter in self.text)
        stripped = text.lstrip(" ")
        return "·" * (len(text) - len(stripped)) + stripped or "∅"


class TokenView(QAbstractScrollArea):
    """Shows tokens in lines and tells which one the pointer or the cursor is on.

    Signals:
        pointed: Position of the token under the pointer or the cursor, -1 for none.
    """

    pointed = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._tokens: tuple[Token, ...] = ()
        self._texts: list[str] = []
        self._lefts: list[float] = []
        self._widths: list[float] = []
        self._line_of: list[int] = []
        self._line_starts: list[int] = [0]
        self._cursor = -1
        self._pointed = -1
        self.setObjectName("token_view")
        self.setAccessibleName("Tokens of the row")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        theme.changed.connect(self.viewport().update)

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The tokens that are shown."""
        return self._tokens

    def show_tokens(self, tokens: Sequence[Token]) -> None:
        """Show another row."""
        self._tokens = tuple(tokens)
        self._texts = [token.shown for token in self._tokens]
        self._measure()
        self._cursor = -1
        self.verticalScrollBar().setValue(0)
        self._lay_out()
        self._point(-1)

    def rect_of(self, position: int) -> QRectF:
        """Return the box of a token in the viewport."""
        top = LINE * self._line_of[position] - self.verticalScrollBar().value() + 2
        return QRectF(self._lefts[position], top, self._widths[position], BOX)

    def token_at(self, point: QPointF) -> int:
        """Return the position of the token at a point of the viewport, or -1."""
        line = int((point.y() + self.verticalScrollBar().value()) // LINE)
        if not 0 <= line < len(self._line_starts) - 1:
            return -1
        first, last = self._line_starts[line], self._line_starts[line + 1]
        found = first + bisect_right(self._lefts[first:last], point.x()) - 1
        return found if first <= found and self.rect_of(found).contains(point) else -1

    def sizeHint(self) -> QSize:
        """Return what it can live with: the page gives it all the room that is left."""
        return self.minimumSizeHint()

    def minimumSizeHint(self) -> QSize:
        """Return three lines."""
        return QSize(200, 3 * LINE)

    # -- layout and drawing -----------------------------------------------------------------

    def _measure(self) -> None:
        """Measure every token once; the letters of the font are equally wide."""
        metrics = QFontMetricsF(mono(12))
        letter = metrics.horizontalAdvance("m")
        self._widths = [
            PADDING
            + (
                len(text) * letter
                if text.lstrip("·").isascii()
                else metrics.horizontalAdvance(text)
            )
            for text in self._texts
        ]

    def _lay_out(self) -> None:
        """Break the tokens into lines: where one is full, and after a line end in the text."""
        width = self.viewport().width() - 2
        self._lefts, self._line_of, self._line_starts = [], [], [0]
        left, line, ends = 0.0, 0, False
        for position, (size, text) in enumerate(zip(self._widths, self._texts, strict=True)):
            if left and (ends or left + size > width):
                left, line = 0.0, line + 1
                self._line_starts.append(position)
            self._lefts.append(left)
            self._line_of.append(line)
            left += size + GAP
            ends = "⏎" in text
        self._line_starts.append(len(self._tokens))
        height = LINE * (line + 1) if self._tokens else 0
        self.verticalScrollBar().setRange(0, max(0, height - self.viewport().height()))
        self.verticalScrollBar().setPageStep(self.viewport().height())
        self.verticalScrollBar().setSingleStep(LINE)
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the lines anew."""
        self._lay_out()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the lines that can be seen."""
        if not self._tokens:
            return
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        offset, lines = self.verticalScrollBar().value(), len(self._line_starts) - 1
        first = min(lines, offset // LINE)
        last = min(lines, (offset + self.viewport().height()) // LINE + 1)
        for position in range(self._line_starts[first], self._line_starts[last]):
            self._paint_token(painter, position)

    def _paint_token(self, painter: QPainter, position: int) -> None:
        token, box = self._tokens[position], self.rect_of(position)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color(GROUND[token.state]))
        painter.drawRoundedRect(box, 3, 3)
        if token.state == "cut":
            hatch = QBrush(self._theme.color("line_strong"), Qt.BrushStyle.BDiagPattern)
            painter.fillRect(box, hatch)
        self._underline(painter, token, box)
        italic = mono(12)
        italic.setItalic(token.special)
        italic.setStrikeOut(token.state == "cut")
        painter.setFont(italic)
        special = token.special and token.state != "cut"
        painter.setPen(self._theme.color("frozen_text" if special else INK[token.state]))
        if token.state == "trained" and not token.special:
            painter.setPen(self._theme.color("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._texts[position])
        if position == self._cursor and self.hasFocus():
            painter.setPen(QPen(self._theme.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0, 0, 0, 1), 3, 3)

    def _underline(self, painter: QPainter, token: Token, box: QRectF) -> None:
        if token.state in ("masked", "asked"):
            return
        cut = token.state == "cut"
        style = Qt.PenStyle.DashLine if cut else Qt.PenStyle.SolidLine
        painter.setPen(QPen(self._theme.color("danger" if cut else "learned"), 2, style))
        painter.drawLine(box.bottomLeft(), box.bottomRight())

    # -- pointer and keyboard ---------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell which token is under the pointer."""
        self._point(self.token_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Put the cursor on a token."""
        found = self.token_at(event.position())
        if found >= 0:
            self._move_to(found)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Begin at the first token."""
        super().focusInEvent(event)
        if self._cursor < 0 and self._tokens:
            self._move_to(0)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        super().focusOutEvent(event)
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the cursor by token, line and page."""
        target = self._target(Qt.Key(event.key()))
        if target is None or not self._tokens:
            super().keyPressEvent(event)
        else:
            self._move_to(min(max(target, 0), len(self._tokens) - 1))

    def _target(self, key: Qt.Key) -> int | None:
        page = max(1, self.viewport().height() // LINE - 1)
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        lines = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
        }
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: len(self._tokens) - 1}
        if key in steps:
            return self._cursor + steps[key]
        if key in lines:
            return self._in_line(lines[key])
        return ends.get(key)

    def _in_line(self, by: int) -> int:
        """Return the token `by` lines away, about under the cursor."""
        here = max(0, self._cursor)
        line = min(max(self._line_of[here] + by, 0), self._line_of[-1])
        first, last = self._line_starts[line], self._line_starts[line + 1]
        return first + max(0, bisect_right(self._lefts[first:last], self._lefts[here]) - 1)

    def _move_to(self, position: int) -> None:
        self._cursor = position
        bar, top = self.verticalScrollBar(), LINE * self._line_of[position]
        if top < bar.value():
            bar.setValue(top)
        elif top + LINE > bar.value() + self.viewport().height():
            bar.setValue(top + LINE - self.viewport().height())
        self.viewport().update()
        self._point(position)

    def _point(self, position: int) -> None:
        if position < 0:
            position = self._cursor
        if position == self._pointed:
            return
        self._pointed = position
        if position >= 0:
            token = self._tokens[position]
            self.setAccessibleDescription(f"position {position}, {token.text}, {token.state}")
        self.pointed.emit(position)
