"""What happened: the events of the run in words, newest first."""

import time
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QButtonGroup, QListView, QStyledItemDelegate, QStyleOptionViewItem

from app.log_words import LogLine, log_line
from app.pages.train_answers import AnswersView
from app.pages.train_proofs import ProofsView
from app.run_controller import RunController
from app.style.icons import paint_icon
from app.style.theme import Theme, font
from app.widgets.buttons import Button, button
from app.widgets.cards import Card
from app.widgets.fields import Segmented
from app.words import ago
from core.events import Event

Index = QModelIndex | QPersistentModelIndex
LINE = 26
LIMIT = 2000
"""Lines that are kept; the file events.jsonl has them all."""


class LogLines(QAbstractListModel):
    """The lines that pass the filter, newest first."""

    def __init__(self) -> None:
        super().__init__()
        self._all: list[LogLine] = []
        self._shown: list[LogLine] = []
        self._kind = "all"

    def show_events(self, events: list[Event]) -> None:
        """Begin with the events of another run."""
        lines = [line for event in events if (line := log_line(event)) is not None]
        self._all = lines[-LIMIT:]
        self._filter()

    def add(self, event: Event) -> None:
        """Take in one event."""
        line = log_line(event)
        if line is None:
            return
        self._all = [*self._all[-LIMIT:], line]
        if self._passes(line):
            self.beginInsertRows(QModelIndex(), 0, 0)
            self._shown.insert(0, line)
            self.endInsertRows()

    def set_kind(self, kind: str) -> None:
        """Show only "warning" or "checkpoint", or "all"."""
        self._kind = kind
        self._filter()

    def count(self, kind: str) -> int:
        """Return how many lines there are of a kind."""
        return sum(line.kind == kind for line in self._all)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  (Qt's signature)
        """Return the number of lines."""
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the line, or its words."""
        if not index.isValid():
            return None
        line = self._shown[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return line
        texts = (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.ToolTipRole,
            Qt.ItemDataRole.AccessibleTextRole,
        )
        return line.text if role in texts else None

    def _passes(self, line: LogLine) -> bool:
        return self._kind in ("all", line.kind)

    def _filter(self) -> None:
        self.beginResetModel()
        self._shown = [line for line in reversed(self._all) if self._passes(line)]
        self.endResetModel()


class LogDelegate(QStyledItemDelegate):
    """Paints how long ago, an icon and the words."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the height of a line."""
        return QSize(100, LINE)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one line."""
        line: LogLine = index.data(Qt.ItemDataRole.UserRole)
        rect: QRect = option.rect
        painter.save()
        painter.translate(rect.topLeft())
        painter.setFont(font("caption"))
        painter.setPen(self._theme.color("text_3"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(0, 0, 44, LINE), middle, ago(time.time() - line.seconds))
        box = QRect(46, (LINE - 14) // 2, 14, 14)
        paint_icon(painter, line.icon, self._theme.color(line.tone), box.toRectF())
        painter.setFont(font("small"))
        painter.setPen(self._theme.color("text"))
        room = rect.width() - 76
        shown = QFontMetrics(font("small")).elidedText(line.text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(70, 0, room, LINE), middle, shown)
        painter.restore()


class LogList(QListView):
    """The list itself; takes the room that the page has left."""

    def sizeHint(self) -> QSize:
        """Return four lines."""
        return QSize(200, 3 * LINE)


class LogCard(Card):
    """The list with its filter chips; in its place, when asked for, sample answers or proofs."""

    def __init__(self, run: RunController, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName("What happened")
        self.switch = Segmented(
            [("log", "What happened"), ("answers", "Answers"), ("proofs", "Proofs")],
            theme=theme,
            name="Show",
        )
        self.switch.changed.connect(self._show)
        self.header.addWidget(self.switch)
        self.header.addStretch(1)
        self.body.addLayout(self.header)
        self.answers = AnswersView(theme)
        self.proofs = ProofsView(run, theme)
        self.lines = LogLines()
        self.list = LogList()
        self.list.setObjectName("log_list")
        self.list.setAccessibleName("Log of the run")
        self.list.setModel(self.lines)
        self.list.setItemDelegate(LogDelegate(theme))
        self.list.setUniformItemSizes(True)
        self.list.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        theme.changed.connect(self.list.viewport().update)
        self._group = QButtonGroup(self)
        self.chips: dict[str, Button] = {}
        for kind, title in (("all", "All"), ("warning", "Warnings"), ("checkpoint", "Checkpoints")):
            chip = button(title, theme=theme, role="filter")
            chip.setCheckable(True)
            chip.clicked.connect(lambda _=False, k=kind: self.lines.set_kind(k))
            self._group.addButton(chip)
            self.header.addWidget(chip)
            self.chips[kind] = chip
        self.chips["all"].setChecked(True)
        self.body.addWidget(self.list, 1)
        self.body.addWidget(self.answers, 1)
        self.body.addWidget(self.proofs, 1)
        self._show("log")

    def show_events(self, events: list[Event]) -> None:
        """Show another run."""
        self.lines.show_events(events)
        self.answers.show_events(events)
        self.proofs.refresh()
        self._count()

    def add(self, event: Event) -> None:
        """Show one more event."""
        self.lines.add(event)
        self.answers.add(event)
        self.proofs.add(event)
        self._count()

    def _show(self, which: str) -> None:
        self.list.setVisible(which == "log")
        self.answers.setVisible(which == "answers")
        self.proofs.setVisible(which == "proofs")
        for chip in self.chips.values():
            chip.setVisible(which == "log")

    def _count(self) -> None:
        warnings = self.lines.count("warning")
        self.chips["warning"].setText(f"Warnings {warnings}" if warnings else "Warnings")
