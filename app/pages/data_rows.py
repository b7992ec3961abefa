"""The rows of a data set as a list: the model knows their number, and a few of them."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.style.icons import paint_icon
from app.style.theme import Theme, font
from app.widgets.long_list import LongList

Index = QModelIndex | QPersistentModelIndex
ROW = 40
ROWS_KEPT = 5000
ROW_ROLE = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class RowView:
    """One row of the list; question and answer are empty until they have come."""

    number: int
    question: str = ""
    answer: str = ""
    length: int | None = None
    cut: bool = False


class DataRows(QAbstractListModel):
    """All rows, or those that were found.

    Signals:
        missing: Rows were asked for that are not here, or are out of date.
    """

    missing = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._max_length = 0
        self._found: array[int] | None = None
        self._known: dict[int, tuple[int, RowView]] = {}
        self._version = 0
        self._tell = QTimer(self, singleShot=True, interval=30)
        self._tell.timeout.connect(self.missing)

    def clear(self) -> None:
        """Forget all rows: others will come."""
        self.beginResetModel()
        self._count, self._found = 0, None
        self._known.clear()
        self.endResetModel()

    def show_count(self, count: int, max_length: int) -> None:
        """Show so many rows; those that are known are shown until they have come anew."""
        self._version += 1
        self._max_length = max_length
        if self._found is None and count > self._count:
            self.beginInsertRows(QModelIndex(), self._count, count - 1)
            self._count = count
            self.endInsertRows()
        elif self._found is None and count < self._count:
            self.beginResetModel()
            self._count = count
            self.endResetModel()
        self._count = count
        self._refresh()

    def show_found(self, rows: Iterable[int] | None) -> None:
        """Show only these rows, ascending, or all again."""
        self.beginResetModel()
        self._found = None if rows is None else array("I", rows)
        self.endResetModel()

    def add_found(self, rows: Sequence[int]) -> None:
        """Show these rows as well, which come after all that are shown."""
        if rows and self._found is not None:
            first = len(self._found)
            self.beginInsertRows(QModelIndex(), first, first + len(rows) - 1)
            self._found.extend(rows)
            self.endInsertRows()

    def take(self, rows: Sequence[int], previews: Sequence[Any], lengths: Sequence[int]) -> None:
        """Take in rows with their questions and answers, and with their lengths if there are."""
        for place, (row, (question, answer)) in enumerate(zip(rows, previews, strict=True)):
            length = lengths[place] if lengths else None
            self._known.pop(row, None)  # so that the oldest come first
            self._known[row] = self._version, RowView(row, question, answer, length)
        while len(self._known) > ROWS_KEPT:
            del self._known[next(iter(self._known))]
        self._refresh()

    def missing_among(self, positions: range) -> list[int]:
        """Return the rows at some positions that are not here, or are out of date."""
        rows = map(self.number_at, positions)
        return [row for row in rows if self._known.get(row, (-1,))[0] != self._version]

    def row_view(self, number: int) -> RowView:
        """Return what the list shows of a row."""
        _, view = self._known.get(number, (-1, RowView(number)))
        cut = view.length is not None and view.length > self._max_length
        return RowView(number, view.question, view.answer, view.length, cut)

    def number_at(self, position: int) -> int:
        """Return the row at a position of the list."""
        return position if self._found is None else self._found[position]

    def position_of(self, number: int) -> int:
        """Return the position of a row in the list, or -1."""
        if self._found is None:
            return number if number < self._count else -1
        place = bisect_left(self._found, number)
        return place if self._found[place : place + 1] == array("I", [number]) else -1

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  (Qt's signature)
        """Return how many rows are shown."""
        if parent.isValid():
            return 0
        return self._count if self._found is None else len(self._found)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the row, or its words; tells where it is missing."""
        if not index.isValid() or index.row() >= self.rowCount():
            return None
        number = self.number_at(index.row())
        if self._known.get(number, (-1,))[0] != self._version and not self._tell.isActive():
            self._tell.start()
        view = self.row_view(number)
        if role == ROW_ROLE:
            return view
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            length = "" if view.length is None else f", {view.length} tokens"
            cut = ", cut" if view.cut else ""
            return f"Row {number + 1}: {view.question} {view.answer}{length}{cut}"
        return None

    def _refresh(self) -> None:
        if count := self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(count - 1))


class RowList(LongList):
    """The list itself; takes the room that the page has left."""

    def __init__(self) -> None:
        super().__init__(ROW)
        self.setObjectName("row_list")
        self.setAccessibleName("Rows of the data")

    @property
    def in_sight(self) -> range:
        """Positions of the rows that can be seen, and of as many above and below."""
        seen = 1 + self.viewport().height() // ROW
        first = self.verticalOffset() // ROW
        count = self.model().rowCount()
        return range(max(0, first - seen), min(first + 2 * seen, count))

    def sizeHint(self) -> QSize:
        """Return two rows."""
        return QSize(200, 2 * ROW)


class RowDelegate(QStyledItemDelegate):
    """Paints number, question, answer and length."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the height of a row."""
        return QSize(100, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        view: RowView = index.data(ROW_ROLE)
        rect: QRect = option.rect
        on = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if on:
            painter.fillRect(rect, self._theme.color("accent_soft"))
            mark = QRect(rect.left(), rect.top(), 3, rect.height())
            painter.fillRect(mark, self._theme.color("accent"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, self._theme.color("hover"))
        painter.setPen(self._theme.color("line"))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        painter.translate(rect.topLeft())
        self._texts(painter, view, rect.width())
        painter.restore()

    def _texts(self, painter: QPainter, view: RowView, width: int) -> None:
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        number = f"{view.number + 1:,}"
        painter.setFont(font("caption"))
        left = max(48, 16 + QFontMetrics(painter.font()).horizontalAdvance(number))
        room = width - left - (80 if view.cut else 60)
        painter.setPen(self._theme.color("text_3"))
        painter.drawText(QRect(0, 0, left - 8, ROW), right, number)
        length = "" if view.length is None else f"{view.length:,}"
        painter.setPen(self._theme.color("text_2"))
        painter.drawText(QRect(width - 56, 0, 44, ROW), right, length)
        if view.cut:
            box = QRect(width - 74, 13, 14, 14)
            paint_icon(painter, "scissors", self._theme.color("warn"), box.toRectF())
        waiting = "…" if not view.question and not view.answer else view.question
        self._line(painter, (waiting, "label", "text"), QRect(left, 3, room, 17))
        self._line(painter, (view.answer, "caption", "text_2"), QRect(left, 20, room, 16))

    def _line(self, painter: QPainter, text: tuple[str, str, str], box: QRect) -> None:
        words, style, token = text
        chosen = font(style)
        painter.setFont(chosen)
        painter.setPen(self._theme.color(token))
        flat = " ".join(words[:400].split())
        shown = QFontMetrics(chosen).elidedText(flat, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, shown)
