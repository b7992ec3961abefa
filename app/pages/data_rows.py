"""The rows of a data set as a list: fetched page by page, as they come into sight."""

from collections.abc import Callable
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
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.style.icons import paint_icon
from app.style.theme import Theme, font

Index = QModelIndex | QPersistentModelIndex
PAGE = 200
ROW = 40
ROW_ROLE = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class RowView:
    """One row of the list; question and answer are empty until its page has come."""

    number: int
    question: str
    answer: str
    length: int | None
    cut: bool


class DataRows(QAbstractListModel):
    """All rows, or those that a search or the filter of cut rows leaves.

    Signals:
        wanted: (first) The page that begins there should be fetched.
    """

    wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._previews: dict[int, tuple[str, str]] = {}
        self._lengths: list[int] = []
        self._max_length = 0
        self._numbers: list[int] | None = None
        self._asked: set[int] = set()
        self._missing: set[int] = set()
        self._ask = QTimer(self, singleShot=True, interval=30)
        self._ask.timeout.connect(self._ask_for_missing)

    def show_data(self, data: dict[str, Any], max_length: int) -> None:
        """Show the rows of a reply of the job `dataset`."""
        self.beginResetModel()
        self._count = int(data["rows"])
        self._lengths = list(data["lengths"])
        self._max_length = max_length
        self._previews.clear()
        self._asked.clear()
        self._numbers = None
        self._keep(int(data.get("first", 0)), data["previews"])
        self.endResetModel()

    def add_page(self, first: int, previews: list[list[str]]) -> None:
        """Take in a page that was fetched."""
        self._keep(first, previews)
        self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))

    def filter(self, needle: str, *, only_cut: bool) -> None:
        """Show only rows that contain `needle`, or that are cut; searches what has been fetched."""
        needle = needle.strip().lower()
        self.beginResetModel()
        if not needle and not only_cut:
            self._numbers = None
        else:
            keep: Callable[[int], bool] = lambda n: (  # noqa: E731
                (not only_cut or self._is_cut(n)) and (not needle or needle in self._text(n))
            )
            self._numbers = [n for n in range(self._count) if keep(n)]
        self.endResetModel()

    @property
    def next_missing(self) -> int | None:
        """First row of the first page that has not been fetched."""
        return next((n for n in range(0, self._count, PAGE) if n not in self._previews), None)

    def row_view(self, number: int) -> RowView:
        """Return what the list shows of a row."""
        question, answer = self._previews.get(number, ("", ""))
        length = self._lengths[number] if number < len(self._lengths) else None
        return RowView(number, question, answer, length, self._is_cut(number))

    def position_of(self, number: int) -> int:
        """Return the position of a row in the list, or -1."""
        if self._numbers is None:
            return number if number < self._count else -1
        return self._numbers.index(number) if number in self._numbers else -1

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  (Qt's signature)
        """Return how many rows are shown."""
        if parent.isValid():
            return 0
        return self._count if self._numbers is None else len(self._numbers)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the row, or its words; asks for its page where that is missing."""
        if not index.isValid() or index.row() >= self.rowCount():
            return None
        number = index.row() if self._numbers is None else self._numbers[index.row()]
        if number not in self._previews:
            self._missing.add(number // PAGE * PAGE)
            self._ask.start()
        view = self.row_view(number)
        if role == ROW_ROLE:
            return view
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            cut = ", cut" if view.cut else ""
            return f"Row {number + 1}: {view.question} {view.answer}, {view.length} tokens{cut}"
        return None

    def _ask_for_missing(self) -> None:
        for first in sorted(self._missing - self._asked):
            self._asked.add(first)
            self.wanted.emit(first)
        self._missing.clear()

    def _keep(self, first: int, previews: list[list[str]]) -> None:
        for offset, (question, answer) in enumerate(previews):
            self._previews[first + offset] = (question, answer)

    def _is_cut(self, number: int) -> bool:
        return number < len(self._lengths) and self._lengths[number] > self._max_length

    def _text(self, number: int) -> str:
        return " ".join(self._previews.get(number, ("", ""))).lower()


class RowList(QListView):
    """The list itself; takes the room that the page has left."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("row_list")
        self.setAccessibleName("Rows of the data")
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

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
        room = width - 48 - (80 if view.cut else 60)
        painter.setFont(font("caption"))
        painter.setPen(self._theme.color("text_3"))
        painter.drawText(QRect(0, 0, 40, ROW), right, f"{view.number + 1:,}")
        length = "" if view.length is None else f"{view.length:,}"
        painter.setPen(self._theme.color("text_2"))
        painter.drawText(QRect(width - 56, 0, 44, ROW), right, length)
        if view.cut:
            box = QRect(width - 74, 13, 14, 14)
            paint_icon(painter, "scissors", self._theme.color("warn"), box.toRectF())
        waiting = "…" if not view.question and not view.answer else view.question
        self._line(painter, (waiting, "label", "text"), QRect(48, 3, room, 17))
        self._line(painter, (view.answer, "caption", "text_2"), QRect(48, 20, room, 16))

    def _line(self, painter: QPainter, text: tuple[str, str, str], box: QRect) -> None:
        words, style, token = text
        chosen = font(style)
        painter.setFont(chosen)
        painter.setPen(self._theme.color(token))
        flat = " ".join(words[:400].split())
        shown = QFontMetrics(chosen).elidedText(flat, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, shown)
