"""Data: what the model will read, row by row and token by token."""

from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from app.pages.base import NARROW, Page, PageContext
from app.pages.data_rows import PAGE, ROW_ROLE, DataRows, RowDelegate, RowList
from app.pages.data_source import MappingCard, SourceCard, columns_of
from app.pages.data_tokens import TokenCard
from app.widgets.basic import Banner, Card, button, hairline, label
from app.widgets.fields import Segmented, form_row
from app.widgets.length_histogram import LengthHistogram
from app.words import plural
from core.errors import UserError
from core.events import Event, Reply

ROWS, NARROW_ROWS = 376, 280
SEARCH_LIMIT = 20_000
"""Rows up to which a search fetches all pages."""
FILES = "Data (*.jsonl *.json *.csv *.tsv *.parquet *.txt *.md);;All files (*)"


class DataPage(Page):
    """Source and totals above, rows and tokens side by side, lengths below."""

    name: ClassVar[str] = "data"
    title: ClassVar[str] = "Data"
    sentence: ClassVar[str] = "What the model will read, row by row and token by token."
    icon: ClassVar[str] = "database"
    strip_open: ClassVar[bool] = True

    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self._session = context.session
        self._shown: dict[str, Any] | None = None
        self.setAcceptDrops(True)
        theme = context.theme
        self.map_button = button("Map columns…", theme=theme, icon="table")
        self.map_button.clicked.connect(self._on_map)
        self.open_button = button("Open file…", theme=theme, icon="folder-open")
        self.open_button.clicked.connect(self._on_open)
        self.add_action(self.map_button)
        self.add_action(self.open_button)
        QShortcut(QKeySequence.StandardKey.Open, self, self._on_open).setContext(
            Qt.ShortcutContext.WidgetWithChildrenShortcut
        )
        context.session.data_changed.connect(self._on_data)
        context.session.data_progress.connect(self._on_progress)

    def build(self) -> None:
        """Make the cards."""
        theme = self.context.theme
        self.source = SourceCard(theme)
        self.mapping = MappingCard(self._session, theme)
        self.mapping.hide()
        self.banner = Banner("danger", theme=theme)
        self.tokens = TokenCard(self._session, self.context.assistant, theme)
        self.warning = Banner("warn", theme=theme)
        self.tokens.body.addWidget(self.warning)
        self.body.addWidget(self.source)
        self.body.addLayout(self._progress_line())
        self.body.addWidget(self.banner)
        self.body.addWidget(self.mapping)
        self.content = QWidget()
        layout = QVBoxLayout(self.content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        middle = QHBoxLayout()
        middle.setSpacing(16)
        self.rows_card = self._rows_card()
        middle.addWidget(self.rows_card)
        middle.addWidget(self.tokens, 1)
        layout.addLayout(middle, 1)
        layout.addWidget(self._lengths_card())
        self.body.addWidget(self.content, 1)
        self.rest = QWidget()
        self.body.addWidget(self.rest, 1)
        self.rest.hide()
        self._fit()
        self._on_data()

    def subtitle(self) -> str:
        """Number of rows, or warnings."""
        if self._session.data_error is not None:
            return "cannot be read"
        data = self._session.data
        if data is None:
            return "reading …"
        return "1 warning" if _problem(data) else plural(data["rows"], "row")

    def mark(self) -> str:
        """Tell how the data stands."""
        if self._session.data_error is not None:
            return "error"
        data = self._session.data
        if data is None:
            return ""
        return "warn" if _problem(data) else "ok"

    def choose(self, path: str) -> None:
        """Take another file; columns named for the old one are forgotten."""
        changes = {"data.path": path, "data.prompt_column": "", "data.answer_column": ""}
        if self._session.change(changes):
            self.context.preferences.remember_data(path)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make the list narrower in a small window."""
        super().resizeEvent(event)
        self._fit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a file."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Read what was dropped."""
        urls = event.mimeData().urls()
        if urls and urls[0].isLocalFile():
            self.choose(urls[0].toLocalFile())

    # -- parts ------------------------------------------------------------------------------

    def _progress_line(self) -> QHBoxLayout:
        self.doing = label("", "small", "muted")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of reading the data")
        self.doing.hide()
        self.bar.hide()
        line = QHBoxLayout()
        line.addWidget(self.doing)
        line.addWidget(self.bar, 1)
        return line

    def _rows_card(self) -> Card:
        theme = self.context.theme
        card = Card()
        layout = card.layout()
        assert layout is not None
        layout.setContentsMargins(1, 6, 1, 1)
        card.body.setSpacing(6)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find in rows")
        self.search.setAccessibleName("Find in rows")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_search)
        self.cut_chip = button("cut 0", theme=theme, role="filter", icon="scissors")
        self.cut_chip.setCheckable(True)
        self.cut_chip.toggled.connect(self._on_search)
        QShortcut(QKeySequence.StandardKey.Find, self, self.search.setFocus).setContext(
            Qt.ShortcutContext.WidgetWithChildrenShortcut
        )
        head = QHBoxLayout()
        head.setContentsMargins(8, 0, 8, 0)
        head.addWidget(self.search, 1)
        head.addWidget(self.cut_chip)
        self.rows = DataRows()
        self.rows.wanted.connect(self._fetch)
        self.list = RowList()
        self.list.setModel(self.rows)
        self.list.setItemDelegate(RowDelegate(theme))
        self.list.selectionModel().currentChanged.connect(self._on_current)
        theme.changed.connect(self.list.viewport().update)
        card.body.addLayout(head)
        card.body.addWidget(hairline())
        card.body.addWidget(self.list, 1)
        return card

    def _lengths_card(self) -> Card:
        theme = self.context.theme
        card = Card("Length of rows", "real token counts of all rows")
        self.longest = label("", "caption", "muted")
        card.header.addWidget(self.longest)
        self.histogram = LengthHistogram(theme)
        self.histogram.length_chosen.connect(self._on_length)
        form = QWidget()
        form.setFixedWidth(296)
        grid = QGridLayout(form)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(12)
        self.max_length = form_row(self._session, "data.max_length", theme=theme)
        self.held_out = form_row(self._session, "data.held_out", theme=theme)
        answers = Segmented([("answers", "Answers"), ("everything", "Everything")], theme=theme)
        self.train_on = form_row(self._session, "data.train_on", answers, theme=theme)
        grid.addWidget(self.max_length, 0, 0)
        grid.addWidget(self.held_out, 0, 1)
        grid.addWidget(self.train_on, 1, 0, 1, 2)
        line = QHBoxLayout()
        line.setSpacing(16)
        line.addWidget(self.histogram, 1)
        line.addWidget(form)
        card.body.addLayout(line)
        return card

    def _fit(self) -> None:
        if self._built:
            narrow = self.width() < NARROW - 100
            self.rows_card.setFixedWidth(NARROW_ROWS if narrow else ROWS)

    # -- what happens -----------------------------------------------------------------------

    def _on_data(self) -> None:
        self.rail_changed.emit()
        if not self._built:
            return
        settings, data = self._session.settings, self._session.data
        broken = self._session.data_error is not None
        self.content.setHidden(broken)
        self.rest.setVisible(broken)
        self.source.show_data(settings.data.path, None if broken else data or self._shown)
        self._show_problem()
        if data is None:
            if self._session.data_error is None:
                self._on_progress("Reading the data", -1.0)
            return
        self.doing.hide()
        self.bar.hide()
        self._shown = data
        self.rows.show_data(data, settings.data.max_length)
        self._on_search()
        self._show_lengths(data)
        row = self.tokens.row if 0 <= self.tokens.row < data["rows"] else 0
        self._select(row)
        self.tokens.show_row(row)

    def _show_lengths(self, data: dict[str, Any]) -> None:
        lengths = data["lengths"]
        trained = data["trained_tokens"] + data["cut_trained_tokens"]
        lost = data["cut_trained_tokens"] / trained if trained else 0.0
        self.histogram.show_lengths(lengths, self._session.settings.data.max_length, lost)
        self.longest.setText(f"longest {max(lengths):,}" if lengths else "")
        self.cut_chip.setText(f"cut {data['cut_rows']:,}")
        self.cut_chip.setVisible(data["cut_rows"] > 0 or self.cut_chip.isChecked())

    def _show_problem(self) -> None:
        """Show the error, or the one warning that matters most, with the action that mends it."""
        error, data = self._session.data_error, self._session.data
        if error is not None:
            self._show_error(error)
            return
        self.banner.hide()
        problem = _problem(data) if data is not None else None
        if data is None or problem is None:
            self.warning.setVisible(data is None and self.warning.isVisible())
            return
        action = None
        if data["cut_rows"]:
            length = data["suggested_length"]
            action = button(f"Set max length to {length:,}", theme=self.context.theme)
            action.setObjectName("mend_button")
            action.clicked.connect(lambda: self._on_length(length))
        self.warning.show_message(*problem, action)

    def _show_error(self, error: UserError) -> None:
        self.doing.hide()
        self.bar.hide()
        columns = columns_of(self._session.settings.data.path)
        self.mapping.show_columns(columns)
        self.mapping.setVisible(len(columns) > 1)
        action = button("Open another file…", theme=self.context.theme)
        action.clicked.connect(self._on_open)
        self.banner.show_message(error.message, error.hint, action)

    def _on_progress(self, message: str, share: float) -> None:
        if not self._built or self._session.data is not None:
            return
        self.doing.setText(message)
        self.bar.setRange(0, 1000 if share >= 0 else 0)
        self.bar.setValue(round(1000 * max(0.0, share)))
        self.doing.show()
        self.bar.show()

    def _on_search(self) -> None:
        self.rows.filter(self.search.text(), only_cut=self.cut_chip.isChecked())
        if self.search.text() and self.rows.next_missing is not None:
            self._fetch(self.rows.next_missing)

    def _fetch(self, first: int) -> None:
        """Ask for a page of rows; without a model nothing is tokenised, so it comes quickly."""
        if self._shown is None or first >= min(self._shown["rows"], SEARCH_LIMIT):
            return
        shown = self._shown

        def on_event(event: Event) -> None:
            if isinstance(event, Reply) and shown is self._shown:
                self.rows.add_page(int(event.data["first"]), event.data["previews"])
                if self.search.text():
                    self._on_search()

        request = {
            "data": self._session.settings.data.model_dump(),
            "source": "",
            "seed": self._session.settings.training.seed,
            "first": first,
            "shown": PAGE,
        }
        self.context.assistant.data.ask("dataset", request, on_event)

    def _on_current(self, current: QModelIndex) -> None:
        view = current.data(ROW_ROLE)
        if view is not None and view.number != self.tokens.row:
            self.tokens.show_row(view.number)

    def _select(self, number: int) -> None:
        position = self.rows.position_of(number)
        if position >= 0:
            self.list.setCurrentIndex(self.rows.index(position))

    def _on_length(self, length: int) -> None:
        self._session.change({"data.max_length": length})

    def _on_map(self) -> None:
        self.mapping.show_columns(columns_of(self._session.settings.data.path))
        self.mapping.setVisible(self.mapping.isHidden())

    def _on_open(self) -> None:
        folder = Path(self._session.settings.data.path).parent
        file, _ = QFileDialog.getOpenFileName(self, "Open a data file", str(folder), FILES)
        if file:
            self.choose(file)


def _problem(data: dict[str, Any]) -> tuple[str, str] | None:
    """Return the most important warning of a data set in two sentences."""
    if data["cut_rows"]:
        rows = plural(data["cut_rows"], "row")
        verb = "loses its end" if data["cut_rows"] == 1 else "lose their end"
        return f"{rows} {verb}.", "The model would not learn to stop there."
    if data["empty_rows"]:
        return (
            f"{plural(data['empty_rows'], 'row')} without a trained token.",
            "They teach nothing.",
        )
    return (data["warnings"][0], "") if data["warnings"] else None
