"""The heat map of a measure over layers and modules, painted from the theme's tokens."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QSizePolicy, QToolTip

from app.plots.heat_painting import HeatLook, HeatPainter
from app.style.theme import Theme, mono
from app.widgets.grid_geometry import (
    HEAD_HEIGHT,
    MAX_PITCH,
    MAX_ROWS,
    MIN_PITCH,
    Cell,
    GridGeometry,
    short_label,
)
from app.widgets.grid_walk import moved
from core.models.info import ModuleGrid

WIDEST = 48  # a wide window is filled: here nobody paints, so cells may be larger
HIGHEST = 300  # but the plots below need room as well
FOOT = 5  # room for the ring of a cell in the last row
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
_ENDS = {Qt.Key.Key_Home: (0, -1), Qt.Key.Key_End: (0, 1)}
_ENDS |= {Qt.Key.Key_PageUp: (-1, 0), Qt.Key.Key_PageDown: (1, 0)}


class HeatMap(QAbstractScrollArea):
    """One coloured cell per adapted matrix; one of them is selected.

    Signals:
        selected: (kind, layer) The user has chosen another cell.
    """

    selected = Signal(str, int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._grid = ModuleGrid(())
        self._values: Mapping[Cell, float] = {}
        self._words: Callable[[float], str] = str
        self._range = (0.0, 1.0)
        self._hover: Cell | None = None
        self.cell: Cell | None = None
        self.setObjectName("heat_map")
        self.setAccessibleName("Heat map of layers and modules")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        theme.changed.connect(self.viewport().update)

    @property
    def values(self) -> Mapping[Cell, float]:
        """The measure by cell; a cell that is missing is not adapted."""
        return self._values

    def show_values(
        self, grid: ModuleGrid, values: Mapping[Cell, float], words: Callable[[float], str] = str
    ) -> None:
        """Show a measure; `words` writes one value."""
        self._grid, self._values, self._words = grid, values, words
        if self.cell not in values:
            self.cell = next(iter(values), None)
        self._lay_out()
        self._tell()

    def set_range(self, low: float, high: float) -> None:
        """Set the values at the ends of the colour map."""
        self._range = (low, high)
        self.viewport().update()

    def select(self, cell: Cell) -> None:
        """Mark a cell without a signal."""
        if cell in self._values and cell != self.cell:
            self.cell = cell
            self._scroll_to(cell)
            self._tell()
            self.viewport().update()

    def geometry_now(self) -> GridGeometry:
        """Return where everything lies, scrolled as it is."""
        room = self.viewport().width() - self._head_width() - 3
        pitch = room // max(1, len(self._grid.layers))
        highest = max(MAX_PITCH, HIGHEST // max(1, len(self._grid.kinds)))
        return GridGeometry(
            self._grid,
            self._head_width(),
            max(MIN_PITCH, min(WIDEST, highest, pitch)),
            self.horizontalScrollBar().value(),
            self.verticalScrollBar().value(),
        )

    def sizeHint(self) -> QSize:
        """Return a height that shows up to twelve rows at the present width."""
        return QSize(600, self._wanted_height())

    def minimumSizeHint(self) -> QSize:
        """Return the smallest useful size."""
        return QSize(200, self._wanted_height())

    # -- drawing ----------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw heads, cells and rings."""
        painter = QPainter(self.viewport())
        look = HeatLook(self._values, self._range, self.cell, self._hover, self.hasFocus())
        HeatPainter(painter, self._theme, self.geometry_now(), look).paint(self.viewport().size())
        painter.end()

    # -- pointer and keyboard ---------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select the adapted cell under the pointer."""
        cell = self._cell_at(event)
        left = event.button() == Qt.MouseButton.LeftButton
        if left and cell is not None and cell in self._values:
            self._choose(cell)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Ring the cell under the pointer."""
        cell = self._cell_at(event)
        if cell != self._hover:
            self._hover = cell
            self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        """Forget the pointer when it leaves; name the cell where it rests."""
        if event.type() == QEvent.Type.Leave:
            self._hover = None
            self.viewport().update()
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.words_for(self._hover), self)
            return True
        return bool(super().viewportEvent(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go to the next adapted cell, Home, End and the page keys to the last one."""
        key = Qt.Key(event.key())
        if self.cell is None or key not in _STEPS | _ENDS:
            super().keyPressEvent(event)
            return
        target = self._next(self.cell, _STEPS.get(key) or _ENDS[key])
        while key in _ENDS and (further := self._next(target, _ENDS[key])) != target:
            target = further
        self._choose(target)

    def words_for(self, cell: Cell | None) -> str:
        """Return what a cell shows: "Layer 12, up_proj: 5"."""
        if cell is None:
            return ""
        value = self._values.get(cell)
        state = "not adapted" if value is None else self._words(value) if value else "zero"
        return f"Layer {cell[1]}, {cell[0].rsplit('.', 1)[-1]}: {state}"

    def _next(self, cell: Cell, step: tuple[int, int]) -> Cell:
        """Return the next adapted cell in a direction, or the same at the edge."""
        place = cell
        while (further := moved(self._grid, place, step)) != place:
            place = further
            if place in self._values:
                return place
        return cell

    def _choose(self, cell: Cell) -> None:
        if cell != self.cell:
            self.select(cell)
            self.selected.emit(*cell)

    def _cell_at(self, event: QMouseEvent) -> Cell | None:
        cell = self.geometry_now().cell_at(event.position())
        return cell if cell in self._grid.cells else None

    # -- size -------------------------------------------------------------------------------

    def resizeEvent(self, _event: QResizeEvent) -> None:
        """Fit the cells to the new width."""
        self._lay_out()

    def _lay_out(self) -> None:
        geometry = self.geometry_now()
        room = self.viewport().width() - geometry.head_width - 3
        self.horizontalScrollBar().setRange(0, max(0, geometry.content_width - room))
        self.horizontalScrollBar().setPageStep(max(1, room))
        height = self.viewport().height() - HEAD_HEIGHT - FOOT
        self.verticalScrollBar().setRange(0, max(0, geometry.content_height - height))
        self.verticalScrollBar().setPageStep(max(1, height))
        self.updateGeometry()
        self.viewport().update()

    def _wanted_height(self) -> int:
        geometry = self.geometry_now()
        rows = min(geometry.content_height, MAX_ROWS * geometry.pitch + 3 * 6)
        scrolls = self.horizontalScrollBar().maximum() > 0
        return HEAD_HEIGHT + rows + FOOT + (12 if scrolls else 0)

    def _head_width(self) -> int:
        metrics = QFontMetricsF(mono(11))
        names = (metrics.horizontalAdvance(short_label(kind)) for kind in self._grid.kinds)
        return min(120, max(46, int(max(names, default=0)) + 18))

    def _scroll_to(self, cell: Cell) -> None:
        geometry, bar = self.geometry_now(), self.horizontalScrollBar()
        rect = geometry.cell_rect(cell)
        if rect.left() < geometry.head_width:
            bar.setValue(bar.value() - int(geometry.head_width - rect.left()))
        if rect.right() > self.viewport().width():
            bar.setValue(bar.value() + int(rect.right() - self.viewport().width()) + 3)

    def _tell(self) -> None:
        """Describe the selected cell and the whole to a screen reader."""
        adapted = f"{len(self._values)} of {len(self._grid.cells)} cells adapted"
        self.setAccessibleDescription(f"{self.words_for(self.cell)}. {adapted}.")
        QAccessible.updateAccessibility(
            QAccessibleEvent(self, QAccessible.Event.DescriptionChanged)
        )
