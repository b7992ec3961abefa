"""A list of millions of rows: what it costs does not depend on how many there are.

Qt's own list notes the place of every row, 2.4 seconds for a million. Here all are equally high, so
that the place of a row is a product.
"""

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPoint, QRect, Qt
from PySide6.QtCore import QItemSelectionModel as Selection
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyleOptionViewItem

Index = QModelIndex | QPersistentModelIndex
LARGEST_RANGE = 1 << 30
"""A scroll bar counts to twice that; beyond, one of its steps is more than one pixel."""


class LongList(QAbstractItemView):
    """Rows of one height, painted by the delegate, one of them the current one."""

    def __init__(self, row_height: int) -> None:
        super().__init__()
        self._row_height = row_height
        self._hovered = -1
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMouseTracking(True)
        self.setFrameShape(QAbstractItemView.Shape.NoFrame)

    # -- where rows are ---------------------------------------------------------------------

    @property
    def _count(self) -> int:
        return self.model().rowCount() if self.model() is not None else 0

    @property
    def _step(self) -> int:
        """Pixels per step of the scroll bar."""
        return 1 + self._count * self._row_height // LARGEST_RANGE

    def verticalOffset(self) -> int:
        """Return the pixels that are scrolled out of sight."""
        return self.verticalScrollBar().value() * self._step

    def horizontalOffset(self) -> int:
        """Return 0: rows are as wide as the list."""
        return 0

    def isIndexHidden(self, index: Index) -> bool:
        """Return False: no row is."""
        return False

    def visualRect(self, index: Index) -> QRect:
        """Return where a row is in the viewport."""
        if not index.isValid():
            return QRect()
        top = index.row() * self._row_height - self.verticalOffset()
        top = max(-LARGEST_RANGE, min(top, LARGEST_RANGE))  # a rectangle has no room for more
        return QRect(0, top, self.viewport().width(), self._row_height)

    def indexAt(self, point: QPoint) -> QModelIndex:
        """Return the row at a point of the viewport."""
        row = (point.y() + self.verticalOffset()) // self._row_height
        return self.model().index(row, 0) if 0 <= row < self._count else QModelIndex()

    def scrollTo(
        self,
        index: Index,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """Bring a row into sight, by the shortest way or to the middle."""
        if not index.isValid():
            return
        self.updateGeometries()  # after a reset Qt does it when it finds the time
        top, height = index.row() * self._row_height, self.viewport().height()
        low, high = top + self._row_height - height, top
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            low = high = top + (self._row_height - height) // 2
        offset = max(min(self.verticalOffset(), high), low)
        self.verticalScrollBar().setValue(-(-offset // self._step))

    def updateGeometries(self) -> None:
        """Tell the scroll bar how far it goes."""
        bar, height = self.verticalScrollBar(), self.viewport().height()
        step = self._step
        bar.setRange(0, -(-max(0, self._count * self._row_height - height) // step))
        bar.setPageStep(max(1, height // step))
        bar.setSingleStep(max(1, self._row_height // step))
        super().updateGeometries()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many rows as there is room for."""
        super().resizeEvent(event)
        self.updateGeometries()

    def rowsInserted(self, parent: Index, start: int, end: int) -> None:
        """Go further down."""
        super().rowsInserted(parent, start, end)
        self.updateGeometries()
        self.viewport().update()

    # -- the current row --------------------------------------------------------------------

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Return the row that a key leads to."""
        if not self._count:
            return QModelIndex()
        kind = QAbstractItemView.CursorAction
        page = max(1, self.viewport().height() // self._row_height)
        by = {
            kind.MoveUp: -1,
            kind.MovePrevious: -1,
            kind.MoveDown: 1,
            kind.MoveNext: 1,
            kind.MovePageUp: -page,
            kind.MovePageDown: page,
            kind.MoveHome: -self._count,
            kind.MoveEnd: self._count,
        }.get(action, 0)
        row = max(0, self.currentIndex().row()) + by
        return self.model().index(min(max(row, 0), self._count - 1), 0)

    def setSelection(self, rect: QRect, command: Selection.SelectionFlag) -> None:
        """Select the row at the corner of the rectangle: no more than one can be."""
        self.selectionModel().select(self.indexAt(rect.topLeft()), command)

    def visualRegionForSelection(self, selection: object) -> QRegion:
        """Return where the current row is."""
        return QRegion(self.visualRect(self.currentIndex()))

    # -- drawing ----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows that can be seen."""
        painter, option = QPainter(self.viewport()), QStyleOptionViewItem()
        self.initViewItemOption(option)
        first = event.rect().top() + self.verticalOffset()
        last = event.rect().bottom() + self.verticalOffset()
        rows = range(first // self._row_height, min(last // self._row_height + 1, self._count))
        plain, delegate = option.state, self.itemDelegate()
        for row in rows:
            index = self.model().index(row, 0)
            option.rect = self.visualRect(index)
            option.state = plain
            if self.selectionModel().isSelected(index):
                option.state |= QStyle.StateFlag.State_Selected
            if row == self._hovered:
                option.state |= QStyle.StateFlag.State_MouseOver
            delegate.paint(painter, option, index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light the row under the pointer."""
        super().mouseMoveEvent(event)
        self._hover(self.indexAt(event.position().toPoint()).row())

    def leaveEvent(self, event: QEvent) -> None:
        """Light none."""
        super().leaveEvent(event)
        self._hover(-1)

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            self._hovered = row
            self.viewport().update()
