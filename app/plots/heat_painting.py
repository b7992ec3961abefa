"""Draws a heat map of layers and modules from the theme's tokens."""

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QPainter, QPen

from app.plots.colors import share_of, viridis
from app.style.theme import Theme, font, mono
from app.widgets.grid_geometry import HEAD_HEIGHT, Cell, GridGeometry, short_label

RADIUS = 2
HEAD_LINE = 12
"""Pixels that the name of a row takes."""


@dataclass(frozen=True)
class HeatLook:
    """What one picture of the map shows.

    Attributes:
        values: The measure by cell; a cell that is missing is not adapted.
        limits: The values at the ends of the colour map.
        selected: The cell that the rest of the page is about; `hover` is under the pointer.
    """

    values: Mapping[Cell, float]
    limits: tuple[float, float]
    selected: Cell | None
    hover: Cell | None
    focused: bool

    @property
    def marked(self) -> list[Cell]:
        """Cells whose row and layer are named in bold."""
        return [cell for cell in (self.hover, self.selected) if cell]


class HeatPainter:
    """Paints one map with one painter."""

    def __init__(
        self, painter: QPainter, theme: Theme, geometry: GridGeometry, look: HeatLook
    ) -> None:
        self.painter, self.theme, self.geometry, self.look = painter, theme, geometry, look
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def paint(self, size: QSize) -> None:
        """Draw heads, cells and rings into a viewport of that size."""
        left, width, height = self.geometry.head_width, size.width(), size.height()
        self.painter.setClipRect(QRectF(left - 8, 0, width, height))
        self._layer_heads()
        self.painter.setClipRect(QRectF(left - 3, HEAD_HEIGHT - 3, width, height))
        for cell in self.geometry.grid.cells:
            self._cell(self.geometry.cell_rect(cell), cell)
        self._rings()
        self.painter.setClipRect(QRectF(0, HEAD_HEIGHT - 3, left, height))
        self._row_heads()

    def _cell(self, rect: QRectF, cell: Cell) -> None:
        value = self.look.values.get(cell)
        dark = self.theme.tokens.dark
        if value is None:
            self.painter.setPen(Qt.PenStyle.NoPen)
            self.painter.setBrush(self.theme.color("track"))
        elif value == 0:
            self.painter.setPen(self.theme.color("border"))
            self.painter.setBrush(QBrush(self.theme.color("border"), Qt.BrushStyle.BDiagPattern))
            rect.adjust(0.5, 0.5, -0.5, -0.5)
        else:
            # In dark, the low end of the map would sink into the card without an edge.
            self.painter.setPen(self.theme.color("cell_edge") if dark else Qt.PenStyle.NoPen)
            self.painter.setBrush(viridis(share_of(value, *self.look.limits)))
            if dark:
                rect.adjust(0.5, 0.5, -0.5, -0.5)
        radius = min(RADIUS, self.geometry.cell_size / 5)
        self.painter.drawRoundedRect(rect, radius, radius)

    def _rings(self) -> None:
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.look.hover is not None:
            self.painter.setPen(QPen(self.theme.color("text_2"), 1))
            rect = self.geometry.cell_rect(self.look.hover).adjusted(-1, -1, 1, 1)
            self.painter.drawRoundedRect(rect, RADIUS, RADIUS)
        if self.look.selected in self.look.values and self.look.selected is not None:
            rect = self.geometry.cell_rect(self.look.selected)
            self.painter.setPen(QPen(self.theme.color("surface"), 2))
            self.painter.drawRoundedRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5), RADIUS, RADIUS)
            self.painter.setPen(QPen(self.theme.color("accent"), 2.5 if self.look.focused else 2))
            self.painter.drawRoundedRect(rect.adjusted(-2, -2, 2, 2), RADIUS + 2, RADIUS + 2)

    def _layer_heads(self) -> None:
        """Number every fifth or tenth layer, the last one, and those that are marked."""
        layers, geometry = self.geometry.grid.layers, self.geometry
        every = 5 if geometry.pitch >= 14 else 10
        marked = {cell[1] for cell in self.look.marked}
        for column, layer in enumerate(layers):
            last = column == len(layers) - 1
            regular = column % every == 0 and len(layers) - column > every // 2
            crowded = layer not in marked and any(abs(layer - other) < 2 for other in marked)
            if layer in marked or ((regular or last) and not crowded):
                self._head_font(layer in marked)
                left = geometry.column_left(column) - 16
                box = QRectF(left, 4, geometry.cell_size + 32, 16)
                self.painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(layer))

    def _head_font(self, marked: bool) -> None:
        face = font("caption")
        face.setBold(marked)
        self.painter.setFont(face)
        self.painter.setPen(self.theme.color("text" if marked else "text_2"))

    def _row_heads(self) -> None:
        geometry = self.geometry
        marked = {cell[0] for cell in self.look.marked}
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        free_from = 0
        for row, kind in enumerate(geometry.grid.kinds):
            if geometry.row_top(row) < free_from and kind not in marked:
                continue  # the rows are lower than their names
            free_from = geometry.row_top(row) + HEAD_LINE
            face = mono(11)
            face.setBold(kind in marked)
            self.painter.setFont(face)
            self.painter.setPen(self.theme.color("text" if kind in marked else "text_2"))
            top = geometry.row_top(row) - 4
            head = QRectF(0, top, geometry.head_width - 10, geometry.cell_size + 8)
            self.painter.drawText(head, right, short_label(kind))
