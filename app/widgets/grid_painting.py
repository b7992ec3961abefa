"""Draws the grid of layers and modules from the theme's tokens."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QFont, QPainter, QPen

from app.style.theme import Theme, font, mono
from app.widgets.grid_geometry import COUNT_WIDTH, HEAD_HEIGHT, Cell, GridGeometry, short_label

RADIUS = 3


@dataclass(frozen=True)
class GridState:
    """What one picture of the grid shows.

    Attributes:
        on: Adapted cells.
        stroke: Cells that the stroke under way has changed.
        selected: Cell whose matrices are drawn elsewhere; `hover` the one under the pointer.
        focused: Whether the keyboard is here.
    """

    on: AbstractSet[Cell]
    stroke: AbstractSet[Cell]
    selected: Cell | None
    hover: Cell | None
    focused: bool


class GridPainter:
    """Paints one grid with one painter."""

    def __init__(
        self, painter: QPainter, theme: Theme, geometry: GridGeometry, state: GridState
    ) -> None:
        self.painter = painter
        self.theme = theme
        self.geometry = geometry
        self.state = state
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def paint(self, width: int, height: int) -> None:
        """Draw heads, cells and counts into a viewport of that size."""
        right = width - COUNT_WIDTH
        left = self.geometry.head_width
        self.painter.setClipRect(QRectF(left - 2, 0, right - left + 2, height))
        self._layer_heads()
        self.painter.setClipRect(
            QRectF(left - 3, HEAD_HEIGHT - 3, right - left + 3, height - HEAD_HEIGHT + 3)
        )
        for cell in self.geometry.grid.cells:
            self._cell(cell)
        self._missing()
        self._rings()
        self.painter.setClipRect(QRectF(0, HEAD_HEIGHT, width, height - HEAD_HEIGHT))
        self._row_heads(min(right, left + self.geometry.content_width))

    def _cell(self, cell: Cell) -> None:
        rect = self.geometry.cell_rect(cell).adjusted(0.5, 0.5, -0.5, -0.5)
        on = cell in self.state.on
        edge = QPen(self.theme.color("learned" if on else "border"), 1)
        if cell in self.state.stroke:
            edge = QPen(self.theme.color("text"), 1, Qt.PenStyle.DashLine)
        self.painter.setPen(edge)
        self.painter.setBrush(self.theme.color("cell_on") if on else Qt.BrushStyle.NoBrush)
        radius = min(RADIUS, rect.width() / 4)
        self.painter.drawRoundedRect(rect, radius, radius)

    def _missing(self) -> None:
        """Draw a dot where a layer has no such matrix."""
        grid = self.geometry.grid
        self.painter.setPen(Qt.PenStyle.NoPen)
        self.painter.setBrush(self.theme.color("border"))
        for kind in grid.kinds:
            for layer in grid.layers:
                if (kind, layer) not in grid.cells:
                    self.painter.drawEllipse(self.geometry.cell_rect((kind, layer)).center(), 1, 1)

    def _rings(self) -> None:
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.state.hover is not None:
            self.painter.setPen(QPen(self.theme.color("text_2"), 1))
            rect = self.geometry.cell_rect(self.state.hover).adjusted(-1, -1, 1, 1)
            self.painter.drawRoundedRect(rect, RADIUS, RADIUS)
        if self.state.selected is not None:
            outside = 3 if self.geometry.pitch >= 14 else 1
            self.painter.setPen(QPen(self.theme.color("accent"), 2))
            rect = self.geometry.cell_rect(self.state.selected)
            rect.adjust(-outside + 1, -outside + 1, outside - 1, outside - 1)
            self.painter.drawRoundedRect(rect, RADIUS + 1, RADIUS + 1)

    def _layer_heads(self) -> None:
        geometry, layers = self.geometry, self.geometry.grid.layers
        every = 5 if geometry.pitch >= 14 else 10
        hover = self.state.hover[1] if self.state.hover else None
        for column, layer in enumerate(layers):
            left = geometry.column_left(column)
            cells = [(k, layer) for k in geometry.grid.kinds if (k, layer) in geometry.grid.cells]
            self._share(QRectF(left, HEAD_HEIGHT - 6, geometry.cell_size, 3), cells)
            last = column == len(layers) - 1
            if (
                layer == hover
                or last
                or (column % every == 0 and len(layers) - column > every // 2)
            ):
                self.painter.setFont(_bold(font("caption"), layer == hover))
                self.painter.setPen(self.theme.color("text" if layer == hover else "text_2"))
                box = QRectF(left - 16, 2, geometry.cell_size + 32, 16)
                self.painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(layer))

    def _share(self, bar: QRectF, cells: list[Cell]) -> None:
        """Draw the bar of a layer head, filled by the share of its cells that is adapted."""
        self.painter.fillRect(bar, QBrush(self.theme.color("line_strong")))
        if cells:
            share = sum(cell in self.state.on for cell in cells) / len(cells)
            filled = QRectF(bar.left(), bar.top(), bar.width() * share, bar.height())
            self.painter.fillRect(filled, QBrush(self.theme.color("learned")))

    def _row_heads(self, counts_left: int) -> None:
        geometry = self.geometry
        hover = self.state.hover[0] if self.state.hover else None
        for row, kind in enumerate(geometry.grid.kinds):
            top, size = geometry.row_top(row), geometry.cell_size
            cells = [(kind, n) for n in geometry.grid.layers if (kind, n) in geometry.grid.cells]
            on = sum(cell in self.state.on for cell in cells)
            self.painter.setPen(self.theme.color("text" if kind == hover else "text_2"))
            self.painter.setFont(_bold(mono(11), kind == hover))
            head = QRectF(0, top - 4, geometry.head_width - 8, size + 8)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            self.painter.drawText(head, right, short_label(kind))
            self.painter.setPen(self.theme.color("text_3"))
            self.painter.setFont(font("caption"))
            count = QRectF(counts_left + 6, top - 4, COUNT_WIDTH, size + 8)
            left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            self.painter.drawText(count, left, f"{on}/{len(cells)}")


def _bold(base: QFont, bold: bool) -> QFont:
    base.setBold(bold)
    return base
