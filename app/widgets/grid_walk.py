"""Ways over the cells of a grid: rectangles, straight lines and steps of the keyboard."""

from PySide6.QtCore import Qt

from app.widgets.grid_geometry import Cell
from core.models.info import ModuleGrid

STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Home: (0, -(10**6)),
    Qt.Key.Key_End: (0, 10**6),
    Qt.Key.Key_PageUp: (-(10**6), 0),
    Qt.Key.Key_PageDown: (10**6, 0),
}
"""What a key moves the cursor by, in rows and columns; the ends of a grid are nearer than that."""


def rectangle(grid: ModuleGrid, corner: Cell, opposite: Cell) -> list[Cell]:
    """Return all positions between two corners."""
    rows = sorted((grid.kinds.index(corner[0]), grid.kinds.index(opposite[0])))
    columns = sorted((grid.layers.index(corner[1]), grid.layers.index(opposite[1])))
    return [
        (kind, layer)
        for kind in grid.kinds[rows[0] : rows[1] + 1]
        for layer in grid.layers[columns[0] : columns[1] + 1]
    ]


def line(grid: ModuleGrid, start: Cell, end: Cell) -> list[Cell]:
    """Return the positions between two cells that a quick pointer jumped over, both included."""
    row, column = grid.kinds.index(start[0]), grid.layers.index(start[1])
    rows = grid.kinds.index(end[0]) - row
    columns = grid.layers.index(end[1]) - column
    steps = max(abs(rows), abs(columns), 1)
    return [
        (
            grid.kinds[row + round(rows * i / steps)],
            grid.layers[column + round(columns * i / steps)],
        )
        for i in range(steps + 1)
    ]


def moved(grid: ModuleGrid, cell: Cell, step: tuple[int, int]) -> Cell:
    """Return the position `step` (rows, columns) away, at most at the edge."""
    row = min(max(grid.kinds.index(cell[0]) + step[0], 0), len(grid.kinds) - 1)
    column = min(max(grid.layers.index(cell[1]) + step[1], 0), len(grid.layers) - 1)
    return grid.kinds[row], grid.layers[column]


def line_at_head(grid: ModuleGrid, row: int | None, column: int | None) -> list[Cell]:
    """Return the cells of a whole layer (`column`) or of a whole row."""
    if column is not None:
        return [cell for cell in grid.cells if cell[1] == grid.layers[column]]
    if row is not None:
        return [cell for cell in grid.cells if cell[0] == grid.kinds[row]]
    return []
