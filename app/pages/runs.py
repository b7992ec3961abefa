"""Runs: the library of everything that was trained here."""

from typing import ClassVar

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMessageBox, QVBoxLayout, QWidget

from app.pages.base import NARROW, Page, PageContext
from app.pages.run_details import RunDetails
from app.run_library import RunRow, read_rows
from app.widgets.buttons import button
from app.widgets.cards import Card
from app.widgets.run_table import RunTable
from app.widgets.text import label
from app.words import file_size, plural
from core.errors import UserError
from core.events import Evaluated, Event, RunEnded, RunStarted
from core.paths import runs_dir
from core.run_folder import RunFolder

DETAILS_WIDTH, NARROW_DETAILS = 320, 300


class RunsPage(Page):
    """The table of runs and the details of one."""

    name: ClassVar[str] = "runs"
    title: ClassVar[str] = "Runs"
    sentence: ClassVar[str] = "Everything that was trained here; each run is a folder."
    icon: ClassVar[str] = "library"
    place: ClassVar[str] = "library"

    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self._count = len(list(runs_dir().glob("*/run.toml")))
        self._size = 0
        context.run.run_changed.connect(self._on_run)
        context.run.event_arrived.connect(self._on_event)

    def build(self) -> None:
        """Make the table and the details."""
        theme = self.context.theme
        folder = button("Open folder", theme=theme, icon="folder-open")
        folder.clicked.connect(_show_folder)
        self.add_action(folder)
        self.table = RunTable(theme)
        self.table.chosen.connect(self._on_chosen)
        self.table.opened.connect(self._open)
        self.details = RunDetails(theme)
        self.details.open_wanted.connect(self._open)
        self.details.settings_wanted.connect(self._take_settings)
        self.details.delete_wanted.connect(self._delete)
        card = Card()
        card.layout().setContentsMargins(1, 4, 1, 4)  # type: ignore[union-attr]
        card.body.addWidget(self.table)
        self.empty = self._empty_state()
        card.body.addWidget(self.empty, 1)
        line = QHBoxLayout()
        line.setSpacing(16)
        line.addWidget(card, 1)
        line.addWidget(self.details)
        self.body.addLayout(line, 1)
        self._fit()
        self.refresh()

    def refresh(self) -> None:
        """Read the library again."""
        rows = read_rows(runs_dir())
        self._count, self._size = len(rows), sum(row.size_bytes for row in rows)
        self.table.set_rows(rows)
        self.table.setVisible(bool(rows))
        self.empty.setVisible(not rows)
        self.details.setVisible(bool(rows))
        self.rail_changed.emit()

    def subtitle(self) -> str:
        """Say how many there are, and how much space they take once that is known."""
        if not self._count:
            return "none yet"
        size = f" · {file_size(self._size)}" if self._size else ""
        return plural(self._count, "run") + size

    def showEvent(self, event: QShowEvent) -> None:
        """Look again: other windows and the command line write runs as well."""
        built = self._built
        super().showEvent(event)
        if built:
            self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give up columns in a small window."""
        super().resizeEvent(event)
        if self._built:
            self._fit()

    def _fit(self) -> None:
        narrow = self.width() < NARROW - 100
        self.table.show_columns(narrow=narrow)
        self.details.setFixedWidth(NARROW_DETAILS if narrow else DETAILS_WIDTH)

    def _empty_state(self) -> QWidget:
        holder = QWidget()
        words = label(
            "Your runs will be listed here, with their settings and curves.", tone="muted"
        )
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        start = button("Go to Train", theme=self.context.theme)
        start.clicked.connect(lambda: self.context.go("train"))
        layout = QVBoxLayout(holder)
        layout.addStretch(1)
        layout.addWidget(words)
        layout.addWidget(start, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(1)
        return holder

    def _on_chosen(self, row: RunRow | None) -> None:
        if row is None:
            return
        rows = self.table.rows.rows
        place = next(i for i, other in enumerate(rows) if other.run.path == row.run.path)
        previous = rows[place + 1] if place + 1 < len(rows) else None
        self.details.show_run(row, previous)

    def _open(self, row: RunRow) -> None:
        if row.settings is None:
            self.context.messages.error(UserError(row.error, "Mend its run.toml by hand."))
            return
        self.context.run.open(row.run.path)
        self.context.go("train")

    def _take_settings(self, row: RunRow) -> None:
        if row.settings is not None:
            self.context.session.load(row.settings)
            if not self.context.run.alive:
                self.context.run.close_run()
            self.context.go("adapter")

    def _delete(self, row: RunRow) -> None:
        question = QMessageBox(
            QMessageBox.Icon.Question,
            "Delete this run?",
            f"Delete {row.name}? Its adapter, checkpoints and curves are gone for good.",
            QMessageBox.StandardButton.Cancel,
            self,
        )
        delete = question.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
        question.exec()
        if question.clickedButton() is not delete:
            return
        shown: RunFolder | None = self.context.run.run
        try:
            row.run.delete()
        except UserError as error:
            self.context.messages.error(error)
            return
        if shown is not None and shown.path == row.run.path:
            self.context.run.close_run()
        self.refresh()

    def _on_run(self) -> None:
        self._count = len(list(runs_dir().glob("*/run.toml")))
        if self._built and self.isVisible():
            self.refresh()
        self.rail_changed.emit()

    def _on_event(self, event: Event) -> None:
        told = isinstance(event, RunStarted | Evaluated | RunEnded)
        if told and self._built and self.isVisible():
            self.refresh()


def _show_folder() -> None:
    runs_dir().mkdir(parents=True, exist_ok=True)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(runs_dir())))
