"""What one run was: state, losses, memory, and the settings that differ from the run before."""

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.amounts import gib
from app.run_library import RunRow, differences
from app.run_state import RESUMABLE, RunPhase
from app.setting_field import setting_field
from app.style.theme import Theme
from app.widgets.buttons import button
from app.widgets.cards import Card, hairline
from app.widgets.text import ElidedLabel, label
from app.words import file_size, percent
from core.errors import UserError

MOST_DIFFERENCES = 10


class RunDetails(Card):
    """The card beside the table.

    Attributes:
        pairs: Name and value of every line that is shown.

    Signals:
        open_wanted: Show this run (`RunRow`); resumable ones can go on from there.
        settings_wanted: Start again from its settings.
        delete_wanted: Remove it.
    """

    open_wanted = Signal(object)
    settings_wanted = Signal(object)
    delete_wanted = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__(" ")
        self.setAccessibleName("Details of the run")
        self._row: RunRow | None = None
        self.pairs: list[tuple[str, str]] = []
        self._facts = QWidget()
        self.body.addWidget(self._facts)
        self.body.addStretch(1)
        self.open_button = button("Open", theme=theme, role="primary")
        self.open_button.clicked.connect(lambda: self.open_wanted.emit(self._row))
        self.use_button = button("Use settings", theme=theme)
        self.use_button.setToolTip("Start a new run from the settings of this one")
        self.use_button.clicked.connect(lambda: self.settings_wanted.emit(self._row))
        self.delete_button = button("Delete…", theme=theme, role="danger")
        self.delete_button.clicked.connect(lambda: self.delete_wanted.emit(self._row))
        actions = QHBoxLayout()
        actions.setSpacing(8)
        actions.addWidget(self.delete_button)
        actions.addStretch(1)
        actions.addWidget(self.use_button)
        self.body.addWidget(hairline())
        self.body.addWidget(self.open_button)
        self.body.addLayout(actions)

    def show_run(self, row: RunRow, previous: RunRow | None) -> None:
        """Show one run beside the one before it."""
        self._row = row
        self.title.setText(row.name)
        resumable = row.state.phase != "created" and RunPhase(row.state.phase) in RESUMABLE
        self.open_button.setText("Open to resume" if resumable else "Open")
        fresh = QWidget()
        layout = QVBoxLayout(fresh)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        facts, differing = _facts(row), _differing(row, previous)
        self.pairs = [*facts, *differing]
        layout.addLayout(_pairs(facts))
        if row.state.message:
            layout.addWidget(label(row.state.message, "small", "warn", wrap=True))
        layout.addWidget(hairline())
        layout.addWidget(label(_heading(previous), "card"))
        layout.addLayout(_pairs(differing))
        self.body.replaceWidget(self._facts, fresh)
        self._facts.hide()
        self._facts.deleteLater()
        self._facts = fresh


def _facts(row: RunRow) -> list[tuple[str, str]]:
    state = row.state
    facts = [
        ("Steps", f"{state.step:,} of {state.total_steps:,}"),
        ("Trained for", row.lasted or "–"),
    ]
    if state.first_loss is not None and state.best_loss is not None:
        change = state.best_loss / state.first_loss - 1
        words = f"{state.first_loss:.3f} → {state.best_loss:.3f} ({percent(abs(change))} "
        facts.append(("Validation loss", words + ("lower)" if change < 0 else "higher)")))
    if state.measured_bytes:
        predicted, measured = gib(state.predicted_bytes), gib(state.measured_bytes)
        facts.append(("Peak memory", f"{measured} GiB, predicted {predicted}"))
    if state.inexact is not None:
        facts.append(("Resume", _resume(state.inexact)))
    facts.append(("On disk", file_size(row.size_bytes)))
    facts.append(("Folder", str(row.run.path)))
    return facts


def _resume(inexact: str) -> str:
    return f"weights only: {inexact}" if inexact else "exact, to the bit"


def _heading(previous: RunRow | None) -> str:
    return "Settings" if previous is None else f"Changed since {previous.name}"


def _differing(row: RunRow, previous: RunRow | None) -> list[tuple[str, str]]:
    if row.settings is None:
        return [("run.toml", row.error)]
    if previous is None or previous.settings is None:
        settings = row.settings
        return [
            ("Model", settings.model.source),
            ("Data", settings.data.path),
            ("Method", row.method),
            ("Steps", str(settings.training.steps)),
            ("Learning rate", f"{settings.training.learning_rate:g}"),
        ]
    found = differences(row.settings, previous.settings)
    pairs = [(_title(key), f"{_word(there)} → {_word(here)}") for key, here, there in found]
    return pairs[:MOST_DIFFERENCES] or [("Nothing", "the same settings again")]


def _title(key: str) -> str:
    try:
        return setting_field(key).title
    except (UserError, KeyError):
        return key


def _word(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(str(item) for item in value)
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _pairs(pairs: list[tuple[str, str]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(1, 1)
    for line, (name, value) in enumerate(pairs):
        grid.addWidget(label(name, "small", "muted"), line, 0)
        grid.addWidget(ElidedLabel(value, "small"), line, 1)
    return grid
