"""The preflight list: what speaks against a start, what would mend it, and what is fine."""

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.launch import Launch
from app.session import Session
from app.setting_field import setting_field
from app.style.theme import Theme
from app.widgets.basic import Card, IconLabel, button, label
from app.words import plural
from core.settings import setting_keys

if TYPE_CHECKING:
    from core.checks import CheckResult

KEY = re.compile(r"\b[a-z]+\.[a-z_]+\b")
MARKS = {
    "block": ("circle-x", "danger", "Blocks the start"),
    "warn": ("triangle-alert", "warn", "Warning"),
    "info": ("info", "accent", "To know"),
    "ok": ("check", "ok", "Fine"),
}
"""Icon, colour and word of each level."""


class CheckRow(QWidget):
    """One finding: its mark, what is, what to do, and a button where a setting does it."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__()
        self._session = session
        self._result: CheckResult | None = None
        self.mark = IconLabel("check", "ok", theme=theme)
        self.message = label("", "body", wrap=True)
        self.fix = label("", "small", "muted", wrap=True)
        self.apply = button("Apply", theme=theme, small=True)
        self.apply.clicked.connect(self._on_apply)
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
        self._result = result
        icon, tone, word = MARKS[result.level]
        self.mark.set_icon(icon, tone)
        self.mark.setToolTip(f"{word} ({result.id})")
        self.message.setText(_titled(result.message))
        self.fix.setText(_titled(result.fix))
        self.fix.setVisible(bool(result.fix))
        self.apply.setVisible(bool(result.changes))
        self.apply.setAccessibleName(f"Apply: {self.fix.text()}")
        self.setAccessibleName(f"{word}: {self.message.text()} {self.fix.text()}")

    def _on_apply(self) -> None:
        if self._result is not None:
            self._session.change(self._result.changes)


class CheckGroup(Card):
    """Findings of a kind under one title; hidden where there are none."""

    def __init__(self, title: str, theme: Theme, session: Session) -> None:
        super().__init__(title, " ")
        self._theme, self._session = theme, session
        self.rows: list[CheckRow] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(10)
        self.body.addLayout(self._list)

    def show_results(self, results: "list[CheckResult]") -> None:
        """Show other findings."""
        while len(self.rows) < len(results):
            row = CheckRow(self._theme, self._session)
            self.rows.append(row)
            self._list.addWidget(row)
        for row, result in zip(self.rows, results, strict=False):
            row.show_result(result)
        for index, row in enumerate(self.rows):
            row.setVisible(index < len(results))
        self.setVisible(bool(results))


class ChecksView(QWidget):
    """What to look at above, what is fine below; both follow the settings."""

    def __init__(self, launch: Launch, session: Session, theme: Theme) -> None:
        super().__init__()
        self._launch = launch
        self.state = label("", "small", "muted", wrap=True)
        self.trouble = CheckGroup("To look at", theme, session)
        self.fine = CheckGroup("Fine", theme, session)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.state)
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
            return f"Some checks could not be made: {preflight.error}"
        if not preflight.results:
            return "Checks of tokens and device begin as soon as model and data have been read."
        blocks = len(self._launch.blocks)
        if blocks:
            return f"{plural(blocks, 'finding')} must be mended before the run can start."
        return "Nothing keeps the run from starting."


def _titled(text: str) -> str:
    """Return the text with settings called as the window calls them: Max length."""
    keys = set(setting_keys())
    return KEY.sub(lambda m: setting_field(m[0]).title if m[0] in keys else m[0], text)
