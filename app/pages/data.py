"""Data: what the model will read, row by row and token by token."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from app.pages.base import NARROW, Page, PageContext
from app.pages.data_browser import RowsCard
from app.pages.data_mapping import MappingCard
from app.pages.data_source import SourceCard
from app.pages.data_tokens import TokenCard
from app.widgets.buttons import button
from app.widgets.cards import Banner
from app.widgets.text import label
from app.words import plural
from core.data.lengths import RowLengths
from core.errors import UserError

if TYPE_CHECKING:
    from core.data.sample import Sample

ROWS, NARROW_ROWS = 376, 280
FILES = (
    "Data (*.jsonl *.ndjson *.json *.csv *.tsv *.parquet *.arrow *.feather *.txt *.md *.gz *.zst);;"
    "All files (*)"
)


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
        self._subject: tuple[str, ...] = ()
        self.setAcceptDrops(True)
        theme = context.theme
        self.map_button = button("Map columns…", theme=theme, icon="table")
        self.map_button.clicked.connect(self._on_map)
        self.open_button = button("Open file…", theme=theme, icon="folder-open")
        self.open_button.clicked.connect(self._on_open)
        self.add_action(self.map_button)
        self.add_action(self.open_button)
        for key, slot in (
            (QKeySequence.StandardKey.Open, self._on_open),
            (QKeySequence.StandardKey.Find, self._on_find),
        ):
            QShortcut(key, self, slot).setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        context.session.data_changed.connect(self._on_data)
        context.session.data_progress.connect(self._on_progress)

    def build(self) -> None:
        """Make the cards."""
        from app.pages.data_lengths import LengthsCard  # brings NumPy: not before the first frame

        theme = self.context.theme
        self.source = SourceCard(theme)
        self.mapping = MappingCard(self._session, theme)
        self.mapping.chosen.connect(self._on_mapped)
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
        self.rows = RowsCard(self._session, self.context.assistant, theme)
        self.rows.row_chosen.connect(self._on_row)
        self.tokens.bar.stepped.connect(self.rows.step)
        self.tokens.bar.wanted.connect(self.rows.go_to)
        middle.addWidget(self.rows)
        middle.addWidget(self.tokens, 1)
        layout.addLayout(middle, 1)
        self.lengths = LengthsCard(self._session, theme)
        layout.addWidget(self.lengths)
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
        if data is None or not data["complete"]:
            return "reading …"
        return "1 warning" if _problem(data) else plural(data["rows"], "row")

    def mark(self) -> str:
        """Tell how the data stands."""
        if self._session.data_error is not None:
            return "error"
        data = self._session.data
        if data is None or not data["complete"]:
            return ""
        return "warn" if _problem(data) else "ok"

    def choose(self, path: str) -> None:
        """Take another file, with the columns that were named for it before."""
        from core.data.mappings import KEYS, recall  # not before the first frame
        from core.data.source import find_source

        try:
            columns = recall(find_source(path))
        except UserError:
            columns = dict.fromkeys(KEYS, "")
        self._session.change({"data.path": path, **columns})

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make the list narrower in a small window."""
        super().resizeEvent(event)
        self._fit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a file or a folder; of several, nobody could tell which is meant."""
        if len(event.mimeData().urls()) == 1:
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

    def _fit(self) -> None:
        if self._built:
            narrow = self.width() < NARROW - 100
            self.rows.setFixedWidth(NARROW_ROWS if narrow else ROWS)

    # -- what happens -----------------------------------------------------------------------

    def _on_data(self) -> None:
        self.rail_changed.emit()
        if not self._built:
            return
        settings, data = self._session.settings, self._session.data
        self._forget_another_file()
        broken = self._session.data_error is not None
        self.content.setHidden(broken)
        self.rest.setVisible(broken)
        self.source.show_data(settings.data.path, None if broken else data or self._shown)
        self._show_problem()
        if data is None:
            if self._session.data_error is None:
                self._on_progress("Reading the data", -1.0)
            return
        complete = _complete(data)
        self.doing.setVisible(not complete)
        self.bar.setVisible(not complete)
        self._shown = data
        self.rows.show_data(data)
        if data["lengths"]:
            self.lengths.show_lengths(self._session.lengths)
        self.tokens.bar.show_rows(data["rows"], data["landmarks"])
        row = self.tokens.row if 0 <= self.tokens.row < data["rows"] else 0
        self.rows.select(row)
        if complete or row != self.tokens.row:
            self.tokens.show_row(row)

    def _forget_another_file(self) -> None:
        """Take away what belongs to another file: nobody should take it for this one's."""
        data = self._session.settings.data
        subject = (data.path, data.prompt_column, data.answer_column)
        if subject != self._subject:
            self._subject, self._shown = subject, None
            self.rows.clear()
            self.tokens.clear("Reading the rows …")
            self.lengths.show_lengths(RowLengths())
            self.warning.hide()

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
            action.clicked.connect(lambda: self.lengths.set_length(length))
        self.warning.show_message(*problem, action)

    def _show_error(self, error: UserError) -> None:
        self.doing.hide()
        self.bar.hide()
        sample = self._sample()
        self.mapping.show_sample(sample)
        self.mapping.setVisible(sample is not None and len(sample.columns) > 1)
        action = button("Open another file…", theme=self.context.theme)
        action.clicked.connect(self._on_open)
        hint = "Choose below which column is what." if self.mapping.guesses else error.hint
        self.banner.show_message(error.message, hint, action)

    def _on_progress(self, message: str, share: float) -> None:
        data = self._session.data
        if not self._built or (data is not None and _complete(data)):
            return
        self.doing.setText(message)
        self.bar.setRange(0, 1000 if share >= 0 else 0)
        self.bar.setValue(round(1000 * max(0.0, share)))
        self.doing.show()
        self.bar.show()

    def _on_row(self, number: int) -> None:
        if number != self.tokens.row:
            self.tokens.show_row(number)

    def _on_find(self) -> None:
        self.rows.search.setFocus()

    def _on_map(self) -> None:
        if self.mapping.isHidden():
            self.mapping.show_sample(self._sample())
        self.mapping.setVisible(self.mapping.isHidden())

    def _on_mapped(self, changes: dict[str, str]) -> None:
        from core.data.mappings import remember

        sample = self._sample()
        if sample is not None:
            remember(sample.source, changes)
        self.mapping.hide()
        self._session.change(changes)

    def _sample(self) -> "Sample | None":
        from core.data.sample import sample_of

        return sample_of(self._session.settings.data.path)

    def _on_open(self) -> None:
        folder = Path(self._session.settings.data.path).parent
        file, _ = QFileDialog.getOpenFileName(self, "Open a data file", str(folder), FILES)
        if file:
            self.choose(file)


def _complete(data: dict[str, Any]) -> bool:
    """Tell whether rows and tokens are there."""
    return data["complete"] and (bool(data["lengths"]) or not data["rows"])


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
