"""The table of what each target costs: a heat map of modules and layers with its totals.

One tab stop: the arrow keys go from cell to cell and on to the totals.
"""

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.plots.cost_layout import CostLayout, Place
from app.plots.cost_painting import CostLook, CostPainter
from app.style.theme import Theme, mono
from app.widgets.grid_geometry import short_label
from app.widgets.grid_walk import STEPS
from core.memory.cell_cost import CellCost, CellCosts
from core.models.info import ModuleGrid

Words = Callable[[Sequence[str], Sequence[int]], str]
"""Says in a sentence what some kinds in some layers cost."""


class CostTable(QWidget):
    """Shows the costs of all cells, of whole rows and layers, and of all together.

    Signals:
        read_out: A sentence about what the pointer or the cursor is on, "" for nothing.
    """

    read_out = Signal(str)

    def __init__(self, theme: Theme, words: Words) -> None:
        super().__init__()
        self._theme, self._words = theme, words
        self._grid = ModuleGrid(())
        self._costs: CellCosts | None = None
        self._values: list[list[float | None]] = []
        self._shape: tuple[object, ...] = ()
        self._cursor: Place = (0, 0)
        self._hover: Place | None = None
        self.setObjectName("cost_table")
        self.setAccessibleName("What each target costs")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._on_theme)

    @property
    def largest(self) -> float:
        """Bytes of the dearest cell: the upper end of the colours."""
        return max((value for row in self._values[:-1] for value in row[:-1] if value), default=0.0)

    def value(self, place: Place) -> float | None:
        """Return the bytes at a row and column, None where nothing is adapted."""
        return self._values[place[0]][place[1]]

    def show_costs(self, grid: ModuleGrid, costs: CellCosts) -> None:
        """Show other costs."""
        self._grid, self._costs, self._shape = grid, costs, ()
        self._lay_out()
        self._describe()

    def layout_now(self) -> CostLayout:
        """Return where everything lies at the present width."""
        metrics = QFontMetricsF(mono(11))
        names = (metrics.horizontalAdvance(short_label(kind)) for kind in self._grid.kinds)
        head = min(120, max(46, int(max(names, default=0)) + 18))
        return CostLayout.fit(self._grid.kinds, self._grid.layers, self.width(), head)

    def sizeHint(self) -> QSize:
        """All rows and the bars."""
        return QSize(600, self.layout_now().height)

    def minimumSizeHint(self) -> QSize:
        """The same, narrower."""
        return QSize(320, self.layout_now().height)

    # -- drawing ----------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw heads, cells, totals and rings."""
        if not self._values:
            return
        painter = QPainter(self)
        look = CostLook(self._values, self.largest, self._shown_cursor, self._hover)
        CostPainter(painter, self._theme, self.layout_now(), look).paint()
        painter.end()

    @property
    def _shown_cursor(self) -> Place | None:
        return self._cursor if self.hasFocus() else None

    def resizeEvent(self, _event: object) -> None:
        """Group the layers anew where the columns would be too narrow or too few."""
        self._lay_out()

    def _on_theme(self) -> None:
        self.updateGeometry()
        self.update()

    def _lay_out(self) -> None:
        layout = self.layout_now()
        if self._costs is not None and layout.groups != self._shape:
            self._shape = layout.groups
            self._values = _sums(self._costs, layout)
        rows, columns = len(layout.kinds), len(layout.groups)
        self._cursor = min(self._cursor[0], rows), min(self._cursor[1], columns)
        self._hover = None
        self.updateGeometry()
        self.update()

    # -- pointer and keyboard ---------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say what is under the pointer."""
        place = self.layout_now().place_at(event.position())
        if place != self._hover:
            self._hover = place
            self._say(place or self._shown_cursor)

    def leaveEvent(self, event: QEvent) -> None:
        """Go back to the cursor, or to nothing."""
        self._hover = None
        self._say(self._shown_cursor)
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Put the cursor where the pointer is."""
        place = self.layout_now().place_at(event.position())
        if place is not None:
            self._move_to(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows, Home, End and the page keys move the cursor."""
        step = STEPS.get(Qt.Key(event.key()))
        if step is None or not self._values:
            super().keyPressEvent(event)
            return
        row, column = self._cursor[0] + step[0], self._cursor[1] + step[1]
        last_row, last_column = len(self._values) - 1, len(self._values[0]) - 1
        self._move_to((min(max(row, 0), last_row), min(max(column, 0), last_column)))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Say where the cursor is."""
        super().focusInEvent(event)
        self._say(self._shown_cursor)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Say nothing any more."""
        super().focusOutEvent(event)
        self._say(None)

    def _move_to(self, place: Place) -> None:
        self._cursor = place
        self._say(place)
        self._describe()

    def _say(self, place: Place | None) -> None:
        self.read_out.emit(self.sentence(place) if place is not None and self._values else "")
        self.update()

    def sentence(self, place: Place) -> str:
        """Return what a cell or a total says."""
        layout = self.layout_now()
        row, column = place
        kinds = layout.kinds[row : row + 1] or layout.kinds
        layers = layout.groups[column] if column < len(layout.groups) else self._grid.layers
        return self._words(kinds, layers)

    def _describe(self) -> None:
        self.setAccessibleDescription(self.sentence(self._cursor))
        QAccessible.updateAccessibility(
            QAccessibleEvent(self, QAccessible.Event.DescriptionChanged)
        )


def _sums(costs: CellCosts, layout: CostLayout) -> list[list[float | None]]:
    """Return the bytes of each kind and group, a total after each row and a row of totals."""
    rows: list[list[float | None]] = []
    for kind in layout.kinds:
        row = [_sum(costs.targets.get((kind, n)) for n in group) for group in layout.groups]
        rows.append([*row, sum(value or 0.0 for value in row) or None])
    columns = range(len(layout.groups) + 1)
    totals = [sum(row[column] or 0.0 for row in rows) or None for column in columns]
    return [*rows, totals]


def _sum(found: Iterable[CellCost | None]) -> float | None:
    return sum(cost.total for cost in found if cost is not None) or None
