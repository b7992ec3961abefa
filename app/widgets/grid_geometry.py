"""Where the cells of the grid of layers and modules lie, in logical pixels."""

from dataclasses import dataclass
from functools import cached_property

from PySide6.QtCore import QPointF, QRectF

from core.models.info import ModuleGrid

Cell = tuple[str, int]
"""Kind of module and layer, such as ("mlp.up_proj", 12)."""

HEAD_HEIGHT = 26
COUNT_WIDTH = 48
BAND_GAP = 6
MIN_PITCH, MAX_PITCH = 8, 24
MAX_ROWS = 12


@dataclass(frozen=True)
class GridGeometry:
    """The layout of one grid at one width.

    Attributes:
        grid: The matrices; one row per kind, one column per layer.
        head_width: Width of the row heads, which stay in place while the layers scroll.
        pitch: Distance between two cells.
        scroll_x: Pixels that the layers are scrolled to the left; `scroll_y` rows upwards.
    """

    grid: ModuleGrid
    head_width: int
    pitch: int
    scroll_x: int = 0
    scroll_y: int = 0

    @property
    def cell_size(self) -> int:
        """Side of a cell; the gap shrinks with the pitch."""
        return self.pitch - (3 if self.pitch >= 14 else 2)

    @property
    def content_width(self) -> int:
        """Width of all layers."""
        return self.pitch * len(self.grid.layers)

    @property
    def content_height(self) -> int:
        """Height of all rows, the gap between attention and MLP included."""
        return self.pitch * len(self.grid.kinds) + BAND_GAP * (len(set(self._bands)) - 1)

    def row_top(self, row: int) -> int:
        """Upper edge of a row."""
        gap = BAND_GAP * self._bands[row]
        return HEAD_HEIGHT + row * self.pitch + gap - self.scroll_y

    def column_left(self, column: int) -> int:
        """Left edge of a column."""
        return self.head_width + column * self.pitch - self.scroll_x

    def cell_rect(self, cell: Cell) -> QRectF:
        """Square of a cell."""
        row, column = self._places[cell]
        left, top = self.column_left(column), self.row_top(row)
        return QRectF(left, top, self.cell_size, self.cell_size)

    def row_at(self, y: float) -> int | None:
        """Row under a height, or None."""
        for row in range(len(self.grid.kinds)):
            if self.row_top(row) <= y < self.row_top(row) + self.pitch:
                return row
        return None

    def column_at(self, x: float) -> int | None:
        """Column under a horizontal position, or None."""
        column = int((x - self.head_width + self.scroll_x) // self.pitch)
        inside = x >= self.head_width and 0 <= column < len(self.grid.layers)
        return column if inside else None

    def cell_at(self, point: QPointF) -> Cell | None:
        """Cell under a point, or None outside and over the heads."""
        if point.y() < HEAD_HEIGHT:
            return None
        row, column = self.row_at(point.y()), self.column_at(point.x())
        if row is None or column is None:
            return None
        return self.grid.kinds[row], self.grid.layers[column]

    @cached_property
    def _places(self) -> dict[Cell, tuple[int, int]]:
        """Row and column of every position."""
        return {
            (kind, layer): (row, column)
            for row, kind in enumerate(self.grid.kinds)
            for column, layer in enumerate(self.grid.layers)
        }

    @cached_property
    def _bands(self) -> list[int]:
        """Band of each row: a new one begins where the kind's first part changes."""
        bands: list[int] = []
        for index, kind in enumerate(self.grid.kinds):
            same = index > 0 and _block(kind) == _block(self.grid.kinds[index - 1])
            bands.append(0 if index == 0 else bands[-1] + (0 if same else 1))
        return bands


def fit(grid: ModuleGrid, width: int, head_width: int) -> GridGeometry:
    """Return the geometry whose layers fill `width`, with cells neither too small nor too large."""
    room = width - head_width - COUNT_WIDTH
    pitch = max(MIN_PITCH, min(MAX_PITCH, room // max(1, len(grid.layers))))
    return GridGeometry(grid, head_width, pitch)


def short_label(kind: str) -> str:
    """Name of a row: q for self_attn.q_proj, the last part for everything else."""
    label = kind.rsplit(".", 1)[-1]
    return label.removesuffix("_proj")


def _block(kind: str) -> str:
    return kind.split(".", 1)[0]
