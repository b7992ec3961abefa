"""Draws the table of costs from the theme's tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPen

from app.amounts import with_unit
from app.plots.colors import share_of, viridis
from app.plots.cost_layout import HEAD, CostLayout, Place
from app.style.theme import Theme, font, mono, scaled
from app.widgets.grid_geometry import short_label

RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
RADIUS = 2


@dataclass(frozen=True)
class CostLook:
    """What one picture of the table shows.

    Attributes:
        values: Bytes by row and column, the totals last; None where nothing is adapted.
        largest: The upper end of the colours.
        cursor: The place of the keyboard, None without the focus; `hover` is under the pointer.
    """

    values: Sequence[Sequence[float | None]]
    largest: float
    cursor: Place | None
    hover: Place | None

    def marks(self, row: int, column: int) -> bool:
        """Tell whether the head of a row or column (the other is -1) is named in bold."""
        places = [place for place in (self.cursor, self.hover) if place is not None]
        return any(row == place[0] or column == place[1] for place in places)


class CostPainter:
    """Paints one table with one painter."""

    def __init__(self, painter: QPainter, theme: Theme, layout: CostLayout, look: CostLook) -> None:
        self.painter, self.theme, self.layout, self.look = painter, theme, layout, look
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def paint(self) -> None:
        """Draw all of it."""
        self._layer_heads()
        for row in range(len(self.layout.kinds)):
            self._row_head(row, short_label(self.layout.kinds[row]), mono(11))
            for column in range(len(self.layout.groups)):
                self._cell(row, column)
            self._amount(row, font("caption"))
        self._row_head(len(self.layout.kinds), "all", font("caption"))
        self._bars()
        self._amount(len(self.layout.kinds), font("chip"))
        self._rings()

    def _layer_heads(self) -> None:
        """Number every so many layers, the last one and those that are marked."""
        layout = self.layout
        every = next(n for n in (1, 2, 5, 10, 20, 50, 100) if n * layout.pitch >= scaled(30))
        last = len(layout.groups) - 1
        for column, group in enumerate(layout.groups):
            marked = self.look.marks(-1, column)
            regular = column % every == 0 and last - column >= every / 2
            if not (marked or regular or column == last):
                continue
            self._pen(font("caption"), marked)
            box = QRectF(layout.rect((0, column)).center().x() - 30, 0, 60, scaled(HEAD) - 4)
            self.painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(group[0]))

    def _row_head(self, row: int, text: str, face: QFont) -> None:
        self._pen(face, self.look.marks(row, -1))
        area = self.layout.rect((row, 0))
        box = QRectF(0, area.top() - 2, self.layout.head_width - 10, area.height() + 4)
        self.painter.drawText(box, RIGHT, text)

    def _amount(self, row: int, face: QFont) -> None:
        column = len(self.layout.groups)
        self._pen(face, self.look.marks(row, column) or row == len(self.layout.kinds))
        value = self.look.values[row][column]
        text = with_unit(value) if value else "–"
        self.painter.drawText(self.layout.rect((row, column)), RIGHT, text)

    def _cell(self, row: int, column: int) -> None:
        value = self.look.values[row][column]
        area = self.layout.rect((row, column))
        self.painter.setPen(Qt.PenStyle.NoPen)
        if value is None:
            self.painter.setBrush(self.theme.color("track"))
        else:
            if self.theme.tokens.dark:  # the low end of the map would sink into the card
                self.painter.setPen(self.theme.color("cell_edge"))
                area.adjust(0.5, 0.5, -0.5, -0.5)
            self.painter.setBrush(viridis(share_of(value, 0, self.look.largest)))
        self.painter.drawRoundedRect(area, RADIUS, RADIUS)

    def _bars(self) -> None:
        """Draw the total of each column as a bar."""
        row = len(self.layout.kinds)
        totals = [value or 0.0 for value in self.look.values[row][:-1]]
        highest = max(totals, default=0.0)
        for column, total in enumerate(totals):
            area = self.layout.rect((row, column))
            self.painter.fillRect(area, self.theme.color("track"))
            if highest:
                area.setTop(area.bottom() - area.height() * total / highest)
                self.painter.fillRect(area, self.theme.color("learned"))

    def _rings(self) -> None:
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.look.hover is not None:
            self.painter.setPen(QPen(self.theme.color("text_2"), 1))
            area = self.layout.rect(self.look.hover).adjusted(-1, -1, 1, 1)
            self.painter.drawRoundedRect(area, RADIUS + 1, RADIUS + 1)
        if self.look.cursor is not None:
            area = self.layout.rect(self.look.cursor).adjusted(-1.5, -1.5, 1.5, 1.5)
            self.painter.setPen(QPen(self.theme.color("accent"), 2))
            self.painter.drawRoundedRect(area, RADIUS + 2, RADIUS + 2)

    def _pen(self, face: QFont, marked: bool) -> None:
        face.setBold(marked)
        self.painter.setFont(face)
        self.painter.setPen(self.theme.color("text" if marked else "text_2"))
