"""The preflight list: what speaks against a start, what would mend it, and what is fine."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.pages.base import PageContext
from app.pages.train_rehearsal import RehearsalPanel
from app.session import Session
from app.setting_words import list_words, set_words, titled
from app.style.theme import Theme
from app.widgets.buttons import IconLabel, button
from app.widgets.cards import Card
from app.widgets.text import label
from app.words import plural
from core.settings import RunSettings

if TYPE_CHECKING:
    from core.checks import CheckResult

MARKS = {
    "block": ("circle-x", "danger", "Blocks the start"),
    "warn": ("triangle-alert", "warn", "Warning"),
    "info": ("info", "accent", "To know"),
    "ok": ("check", "ok", "Fine"),
}
"""Icon, colour and word of each level."""


class CheckRow(QWidget):
    """One finding: its mark, what is, what to do, and a button where a setting does it.

    Signals:
        mended: The button was pressed; what it should set.
    """

    mended = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._changes: Mapping[str, Any] = {}
        self.mark = IconLabel("check", "ok", theme=theme)
        self.message = label("", "body", wrap=True)
        self.fix = label("", "small", "muted", wrap=True)
        self.apply = button("", theme=theme, small=True)
        self.apply.clicked.connect(lambda: self.mended.emit(self._changes))
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.mark, 0, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self.message, 0, 1)
        grid.addWidget(self.apply, 0, 2, 2, 1, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self.fix, 1, 1)

    def show_result(self, result: "CheckResult") -> None:
        """Show another finding."""
        self._changes = result.changes
        icon, tone, word = MARKS[result.level]
        self.mark.set_icon(icon, tone)
        self.mark.setToolTip(f"{word} ({result.id})")
        self.message.setText(titled(result.message))
        self.fix.setText(titled(result.fix))
        self.apply.setVisible(bool(result.changes))
        if result.changes:
            self.apply.setText(set_words(result.changes))
            self.apply.setToolTip(list_words(result.changes))
        self.fix.setVisible(bool(result.fix) and not self._says_it_all(result))
        self.setAccessibleName(f"{word}: {self.message.text()} {self.fix.text()}")

    def _says_it_all(self, result: "CheckResult") -> bool:
        """Tell whether the button says what the fix says: Set max length to 512 tokens."""
        said, fix = self.apply.text().lower(), self.fix.text().lower().rstrip(".")
        return bool(result.changes) and said.startswith(fix)


class CheckGroup(Card):
    """Findings of a kind under one title; hidden where there are none.

    Signals:
        mended: The button of a finding was pressed; what it should set.
    """

    mended = Signal(object)

    def __init__(self, title: str, theme: Theme) -> None:
        super().__init__(title, " ")
        self._theme = theme
        self.rows: list[CheckRow] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(10)
        self.body.addLayout(self._list)

    def show_results(self, results: "list[CheckResult]") -> None:
        """Show other findings."""
        while len(self.rows) < len(results):
            row = CheckRow(self._theme)
            row.mended.connect(self.mended)
            self.rows.append(row)
            self._list.addWidget(row)
        for row, result in zip(self.rows, results, strict=False):
            row.show_result(result)
        for index, row in enumerate(self.rows):
            row.setVisible(index < len(results))
        self.setVisible(bool(results))


class Mended(QWidget):
    """What a button has just set, with the way back; gone when anything else changes."""

    def __init__(self, session: Session, theme: Theme) -> None:
        super().__init__()
        self._session = session
        self._after: RunSettings | None = None
        self.words = label("", "small", "muted")
        self.undo = button("Undo", theme=theme, small=True)
        self.undo.clicked.connect(session.undo)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.words)
        layout.addWidget(self.undo)
        layout.addStretch(1)
        session.settings_changed.connect(self._on_settings)
        self.hide()

    def mend(self, changes: Mapping[str, Any]) -> None:
        """Make the changes and say so."""
        before = self._session.settings
        if not self._session.mend(changes) or self._session.settings == before:
            return
        self._after = self._session.settings
        self.words.setText(f"Done: {'; '.join(list_words(changes).splitlines())}.")
        self.undo.setToolTip(self.words.text())
        self.show()

    def _on_settings(self) -> None:
        if self._session.settings != self._after:
            self.hide()


class ChecksView(QWidget):
    """What to look at above, what is fine below; both follow the settings."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self._launch = launch = context.launch
        session, theme = context.session, context.theme
        self.state = label("", "small", "muted", wrap=True)
        self.rehearsal = RehearsalPanel(context)
        self.mended = Mended(session, theme)
        self.trouble = CheckGroup("To look at", theme)
        self.fine = CheckGroup("Fine", theme)
        self.trouble.mended.connect(self.mended.mend)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.state)
        layout.addWidget(self.mended)
        layout.addWidget(self.rehearsal)
        layout.addWidget(self.trouble)
        layout.addWidget(self.fine)
        layout.addStretch(1)
        launch.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the findings as they are now."""
        results = self._launch.results
        fine = [result for result in results if result.level == "ok"]
        self.trouble.show_results([result for result in results if result.level != "ok"])
        self.fine.show_results(fine)
        self.fine.caption.set_full_text(plural(len(fine), "check"))
        self.state.setText(self._state())

    def _state(self) -> str:
        preflight = self._launch.preflight
        if preflight.doing:
            return f"{preflight.doing} …"
        if preflight.error:
            return f"Some checks could not be made: {titled(preflight.error)}"
        if not preflight.results:
            return "Checks of tokens and device begin as soon as model and data have been read."
        blocks = len(self._launch.blocks)
        if blocks:
            return f"{plural(blocks, 'finding')} must be mended before the run can start."
        return "Nothing keeps the run from starting."
