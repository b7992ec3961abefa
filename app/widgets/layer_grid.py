"""The grid of layers and modules: which matrices of the model are adapted.

Click toggles a cell, drag paints with the state of the first cell, Shift-click fills a rectangle,
a head toggles its line. A stroke is one change, so that undo takes it back as a whole.
"""

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QSizePolicy, QWidget

from app.style.theme import Theme, mono
from app.widgets.grid_geometry import (
    COUNT_WIDTH,
    HEAD_HEIGHT,
    MAX_ROWS,
    Cell,
    GridGeometry,
    fit,
    short_label,
)
from app.widgets.grid_painting import GridPainter, GridState
from app.widgets.grid_walk import STEPS, line, line_at_head, moved, rectangle
from core.models.info import ModuleGrid


class LayerGrid(QAbstractScrollArea):
    """Shows and edits a set of cells.

    Signals:
        toggled: (frozenset of cells) A stroke has ended with this set of adapted cells.
        selected: (kind, layer) The cell of the keyboard cursor is another one.
    """

    toggled = Signal(object)
    selected = Signal(str, int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._grid = ModuleGrid(())
        self._on: set[Cell] = set()
        self._stroke: set[Cell] = set()
        self._brush: bool | None = None
        self.cursor_cell: Cell | None = None
        self._hover: Cell | None = None
        self.setObjectName("layer_grid")
        self.setAccessibleName("Target layers")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        theme.changed.connect(self.viewport().update)

    @property
    def cells(self) -> frozenset[Cell]:
        """The adapted cells."""
        return frozenset(self._on)

    def show_grid(self, grid: ModuleGrid) -> None:
        """Show another model's matrices."""
        self._grid = grid
        self._on &= set(grid.cells)
        if self.cursor_cell not in grid.cells:
            self.cursor_cell = None
        self._lay_out()

    def set_cells(self, cells: Iterable[Cell]) -> None:
        """Show these cells as adapted, without a signal."""
        self._on = set(cells) & set(self._grid.cells)
        self._tell()
        self.viewport().update()

    def select(self, cell: Cell) -> None:
        """Move the cursor to a cell."""
        if cell != self.cursor_cell and cell in self._grid.cells:
            self.cursor_cell = cell
            self._scroll_to(cell)
            self._tell()
            self.viewport().update()
            self.selected.emit(*cell)

    def geometry_now(self) -> GridGeometry:
        """Return where everything lies, scrolled as it is."""
        fitted = fit(self._grid, self.viewport().width(), self._head_width())
        x, y = self.horizontalScrollBar().value(), self.verticalScrollBar().value()
        return GridGeometry(self._grid, fitted.head_width, fitted.pitch, x, y)

    def sizeHint(self) -> QSize:
        """Return a height that shows up to twelve rows at the present width."""
        return QSize(600, self._wanted_height())

    def minimumSizeHint(self) -> QSize:
        """Return the smallest useful size."""
        return QSize(200, self._wanted_height())

    # -- drawing ----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the grid."""
        painter = QPainter(self.viewport())
        shown = self.cursor_cell
        state = GridState(self._on, self._stroke, shown, self._hover, self.hasFocus())
        GridPainter(painter, self._theme, self.geometry_now(), state).paint(
            self.viewport().width(), self.viewport().height()
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the cells to the new width."""
        self._lay_out()

    def _lay_out(self) -> None:
        geometry = fit(self._grid, self.viewport().width(), self._head_width())
        room = self.viewport().width() - geometry.head_width - COUNT_WIDTH
        self.horizontalScrollBar().setRange(0, max(0, geometry.content_width - room))
        self.horizontalScrollBar().setPageStep(max(1, room))
        height = self.viewport().height() - HEAD_HEIGHT - 4
        self.verticalScrollBar().setRange(0, max(0, geometry.content_height - height))
        self.verticalScrollBar().setPageStep(max(1, height))
        self.updateGeometry()
        self.viewport().update()

    def _wanted_height(self) -> int:
        geometry = fit(self._grid, self.viewport().width(), self._head_width())
        rows = min(geometry.content_height, MAX_ROWS * geometry.pitch + 3 * 6)
        scrolls = self.horizontalScrollBar().maximum() > 0
        return HEAD_HEIGHT + rows + 4 + (12 if scrolls else 0)

    def _head_width(self) -> int:
        metrics = QFontMetricsF(mono(11))
        widest = max(
            (metrics.horizontalAdvance(short_label(k)) for k in self._grid.kinds), default=0
        )
        return min(120, max(50, int(widest) + 14))

    def _scroll_to(self, cell: Cell) -> None:
        geometry = self.geometry_now()
        rect = geometry.cell_rect(cell)
        bar = self.horizontalScrollBar()
        if rect.left() < geometry.head_width:
            bar.setValue(bar.value() - int(geometry.head_width - rect.left()))
        right = self.viewport().width() - COUNT_WIDTH
        if rect.right() > right:
            bar.setValue(bar.value() + int(rect.right() - right) + 2)

    # -- strokes ----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke, fill a rectangle or toggle a line."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        cell = self._cell_at(event.position())
        if cell is None:
            self._toggle_line(self._head_at(event.position()))
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier and self.cursor_cell:
            self._paint(rectangle(self._grid, self.cursor_cell, cell), self.cursor_cell in self._on)
            self._end_stroke()
        else:
            self._brush = cell not in self._on
            self._paint([cell], self._brush)
            self.select(cell)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with a stroke, or tell which cell is under the pointer."""
        cell = self._cell_at(event.position())
        if self._brush is not None and cell is not None:
            between = line(self._grid, self._hover or cell, cell)
            self._paint(between, self._brush)
        if cell != self._hover:
            self._hover = cell
            self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the stroke: one change."""
        if self._brush is not None:
            self._brush = None
            self._end_stroke()

    def viewportEvent(self, event: QEvent) -> bool:
        """Forget the pointer when it leaves."""
        if event.type() == QEvent.Type.Leave:
            self._hover = None
            self.viewport().update()
        return bool(super().viewportEvent(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move, Space toggles, Shift+arrows paint on, Ctrl+A takes all."""
        key = Qt.Key(event.key())
        if key in STEPS and self._grid.modules:
            self._move(STEPS[key], bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif key == Qt.Key.Key_Space and self.cursor_cell is not None:
            self._paint([self.cursor_cell], self.cursor_cell not in self._on)
            self._end_stroke()
        elif key == Qt.Key.Key_A and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._paint(self._grid.cells, not set(self._grid.cells) <= self._on)
            self._end_stroke()
        else:
            super().keyPressEvent(event)

    def _move(self, step: tuple[int, int], extend: bool) -> None:
        start = self.cursor_cell
        if start is None:
            self.select(next(iter(self._grid.cells)))
            return
        target = moved(self._grid, start, step)
        if extend:
            self._paint(rectangle(self._grid, start, target), start in self._on)
            self._end_stroke()
        self.select(target)

    def _paint(self, cells: Iterable[Cell], on: bool) -> None:
        changed = {c for c in cells if c in self._grid.cells and (c in self._on) != on}
        self._stroke |= changed
        self._on = self._on | changed if on else self._on - changed
        self.viewport().update()

    def _end_stroke(self) -> None:
        changed, self._stroke = self._stroke, set()
        self.viewport().update()
        if changed:
            self._tell()
            self.toggled.emit(self.cells)

    def _toggle_line(self, line: list[Cell]) -> None:
        self._paint(line, not set(line) <= self._on)
        self._end_stroke()

    def _cell_at(self, point: QPointF) -> Cell | None:
        in_columns = point.x() < self.viewport().width() - COUNT_WIDTH
        cell = self.geometry_now().cell_at(point) if in_columns else None
        return cell if cell in self._grid.cells else None

    def _head_at(self, point: QPointF) -> list[Cell]:
        """Return the cells of the row or layer whose head is at `point`."""
        geometry = self.geometry_now()
        column = geometry.column_at(point.x())
        if point.y() < HEAD_HEIGHT:
            return line_at_head(self._grid, None, column)
        beside = column is None or point.x() >= self.viewport().width() - COUNT_WIDTH
        return line_at_head(self._grid, geometry.row_at(point.y()) if beside else None, None)

    def _tell(self) -> None:
        """Describe the cursor and the whole to a screen reader."""
        words = f"{len(self._on)} of {len(self._grid.cells)} cells adapted."
        if self.cursor_cell is not None:
            kind, layer = self.cursor_cell
            state = "adapted" if self.cursor_cell in self._on else "frozen"
            words = f"Layer {layer}, {kind}, {state}. {words}"
        self.setAccessibleDescription(words)
        QAccessible.updateAccessibility(
            QAccessibleEvent(self, QAccessible.Event.DescriptionChanged)
        )
