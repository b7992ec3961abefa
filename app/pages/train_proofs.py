"""What was proven of the adapter, and what the guards of the run had to say, one sentence each."""

import tomllib
from collections.abc import Iterable

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.run_controller import RunController
from app.setting_words import titled
from app.style.theme import Theme
from app.widgets.buttons import IconLabel, button
from app.widgets.text import label
from core.events import AdapterProven, Event, RunEnded
from core.report import guards_of, proofs_of
from core.run_folder import RunFolder

MARKS = {
    True: ("circle-check", "ok", "Holds"),
    False: ("triangle-alert", "warn", "Look at this"),
    None: ("info", "text_3", "Not tried"),
}
LEAST_HEIGHT = 60
"""The list scrolls: what is proven must not push the curves off the page."""
NONE_YET = "An adapter is proven when its run ends: loaded by a fresh process, asked, compared."


class ProofsView(QWidget):
    """The proofs, then the guards that spoke; a button opens the whole report."""

    def __init__(self, run: RunController, theme: Theme) -> None:
        super().__init__()
        self._run, self._theme = run, theme
        self.summary = label(NONE_YET, "small", "muted", wrap=True)
        self.open = button("Open report", theme=theme, icon="external-link", small=True)
        self.open.clicked.connect(self._on_open)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.summary, 1)
        head.addWidget(self.open)
        self._rows = QVBoxLayout()
        self._rows.setContentsMargins(0, 0, 8, 0)
        inside = QWidget()
        inside.setLayout(self._rows)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QScrollArea.Shape.NoFrame)
        self.area.setWidget(inside)
        self.area.setAccessibleName("Proofs and guards")
        self.area.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.area.setMinimumHeight(LEAST_HEIGHT)
        self._table: QWidget | None = None
        self.lines: list[tuple[str, bool | None, str]] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self.area, 1)
        self.refresh()

    def add(self, event: Event) -> None:
        """Take in one event: only few change anything here."""
        if isinstance(event, AdapterProven | RunEnded):
            self.refresh()

    def refresh(self) -> None:
        """Show what is known of the run that is shown."""
        run, events = self._run.run, self._run.events
        proofs = proofs_of(events, _software(run)) if run is not None else []
        spoken = [guard for guard in guards_of(events) if not guard.quiet]
        self.lines = [(proof.id, proof.holds, proof.sentence) for proof in proofs]
        self.lines += [(guard.id, False, titled(guard.sentence)) for guard in spoken]
        held = sum(proof.holds is True for proof in proofs)
        tried = sum(proof.holds is not None for proof in proofs)
        self.summary.setText(f"{held} of {tried} proofs hold." if proofs else NONE_YET)
        self.open.setVisible(run is not None and run.report_file.is_file())
        self._show(_table(self.lines, self._theme))

    def _show(self, table: QWidget) -> None:
        if self._table is not None:
            self._rows.removeWidget(self._table)
            self._table.hide()
            self._table.deleteLater()
        self._rows.insertWidget(0, table)
        if self._table is None:
            self._rows.addStretch(1)
        self._table = table

    def _on_open(self) -> None:
        if self._run.run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._run.run.report_file)))


def _table(lines: Iterable[tuple[str, bool | None, str]], theme: Theme) -> QWidget:
    table = QWidget()
    grid = QGridLayout(table)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(10)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(1, 1)
    for place, (name, holds, sentence) in enumerate(lines):
        icon, tone, word = MARKS[holds]
        mark = IconLabel(icon, tone, theme=theme)
        mark.setToolTip(f"{word} ({name})")
        text = label(sentence, "small", wrap=True)
        text.setAccessibleName(f"{word}: {sentence}")
        grid.addWidget(mark, place, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(text, place, 1)
    return table


def _software(run: RunFolder) -> dict[str, str]:
    """Return what run.toml notes of versions and of the base model."""
    try:
        content = tomllib.loads(run.settings_file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    found: dict[str, str] = content.get("software", {})
    return found
