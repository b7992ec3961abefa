"""The list of runs: a table whose rows are painted from tokens."""

import math
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from app.run_library import RunRow
from app.run_state import FACES, RunPhase
from app.style.theme import Theme, font
from app.words import date, file_size

COLUMNS = ("Run", "State", "Method", "Validation loss", "Size", "Started")
WIDTHS = (0, 120, 112, 124, 64, 104)
ROW_HEIGHT = 52
_Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()


class RunTableModel(QAbstractTableModel):
    """Rows of the library; the delegate asks for the `RunRow` itself."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[RunRow] = []

    def set_rows(self, rows: list[RunRow]) -> None:
        """Show these."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index = _TOP) -> int:
        """Number of runs."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = _TOP) -> int:
        """Number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Name of a column."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None

    def data(self, index: _Index, role: int = 0) -> Any:
        """Text of a cell, also for screen readers."""
        wanted = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
        if role not in wanted or not index.isValid():
            return None
        return _text(self.rows[index.row()], index.column())


class RunTable(QTableView):
    """The table.

    Signals:
        chosen: A row was chosen (`RunRow`), or none.
        opened: A row was double-clicked or Enter was pressed on it.
    """

    chosen = Signal(object)
    opened = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.rows = RunTableModel()
        self.setModel(self.rows)
        self.setItemDelegate(_Delegate(theme))
        self.setAccessibleName("Runs")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        head = self.horizontalHeader()
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setHighlightSections(False)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in enumerate(WIDTHS):
            if width:
                self.setColumnWidth(column, width)
        self.selectionModel().selectionChanged.connect(self._on_selection)
        self.activated.connect(lambda index: self.opened.emit(self.rows.rows[index.row()]))

    @property
    def current(self) -> RunRow | None:
        """The chosen run."""
        found = self.selectionModel().selectedRows()
        return self.rows.rows[found[0].row()] if found else None

    def set_rows(self, rows: list[RunRow]) -> None:
        """Show these and keep the choice where it still exists."""
        path = self.current.run.path if self.current is not None else None
        self.rows.set_rows(rows)
        places = [row.run.path for row in rows]
        if rows:
            self.selectRow(places.index(path) if path in places else 0)
        else:
            self.chosen.emit(None)

    def show_columns(self, *, narrow: bool) -> None:
        """Leave out method and size in a small window."""
        for column in (2, 4):
            self.setColumnHidden(column, narrow)

    def _on_selection(self, _on: QItemSelection, _off: QItemSelection) -> None:
        self.chosen.emit(self.current)


class _Delegate(QStyledItemDelegate):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw the ground, then what the column shows."""
        model = index.model()
        assert isinstance(model, RunTableModel)
        row = model.rows[index.row()]
        area: QRect = option.rect
        state: QStyle.StateFlag = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected:
            painter.fillRect(area, self._theme.color("accent_soft"))
            if index.column() == 0:
                painter.fillRect(QRect(area.left(), area.top(), 3, area.height()), self._accent())
        painter.setPen(self._theme.color("line"))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        inner = area.adjusted(14 if index.column() == 0 else 8, 0, -8, 0)
        if index.column() == 0:
            self._two_lines(painter, inner, row)
        elif index.column() == 3:
            self._losses(painter, inner, row)
        else:
            tone = FACES[_phase(row)].tone if index.column() == 1 else "text_2"
            painter.setFont(font("small"))
            painter.setPen(self._theme.color(tone))
            painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter, _text(row, index.column()))
        painter.restore()

    def _accent(self) -> Any:
        return self._theme.color("accent")

    def _two_lines(self, painter: QPainter, area: QRect, row: RunRow) -> None:
        painter.setFont(font("card"))
        painter.setPen(self._theme.color("text"))
        upper = area.adjusted(0, 8, 0, -26)
        metrics = painter.fontMetrics()
        name = metrics.elidedText(row.name, Qt.TextElideMode.ElideMiddle, upper.width())
        painter.drawText(upper, Qt.AlignmentFlag.AlignVCenter, name)
        painter.setFont(font("caption"))
        painter.setPen(self._theme.color("danger" if row.error else "text_2"))
        lower = area.adjusted(0, 27, 0, -8)
        words = row.error or (row.settings.model.source if row.settings else "")
        metrics = painter.fontMetrics()
        words = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, lower.width())
        painter.drawText(lower, Qt.AlignmentFlag.AlignVCenter, words)

    def _losses(self, painter: QPainter, area: QRect, row: RunRow) -> None:
        """Draw the course of the validation loss as a small curve, and its best value."""
        points = [(step, loss) for step, loss in row.losses if math.isfinite(loss)]
        if len(points) > 1:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(self._theme.color("line_blue"), 1.5))
            painter.drawPolyline(_curve(points, area.adjusted(0, 14, -70, -14)))
        painter.setFont(font("small"))
        painter.setPen(self._theme.color("text"))
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(area, right, _text(row, 3))


def _curve(points: list[tuple[int, float]], area: QRect) -> QPolygonF:
    steps, losses = zip(*points, strict=True)
    width, height = max(steps[-1] - steps[0], 1), max(losses) - min(losses) or 1.0
    return QPolygonF(
        [
            QPointF(
                area.left() + area.width() * (step - steps[0]) / width,
                area.bottom() - area.height() * (loss - min(losses)) / height,
            )
            for step, loss in points
        ]
    )


def _phase(row: RunRow) -> RunPhase:
    return RunPhase.READY if row.state.phase == "created" else RunPhase(row.state.phase)


def _text(row: RunRow, column: int) -> str:
    state = row.state
    if column == 1:
        word = "Not started" if state.phase == "created" else FACES[_phase(row)].word
        part = "" if state.phase == "finished" else f", {state.step}/{state.total_steps}"
        return word + (part if state.total_steps else "")
    best = "–" if state.best_loss is None else f"{state.best_loss:.3f}"
    texts = (row.name, "", row.method, best, file_size(row.size_bytes))
    return texts[column] if column < 5 else date(row.started.timestamp())
