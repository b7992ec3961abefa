"""Which column is what: guesses to take, columns to choose, and how the first row would read."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.session import Session
from app.style.theme import Theme
from app.widgets.buttons import Button, button
from app.widgets.cards import Card, hairline
from app.widgets.controls import ComboBox
from app.widgets.text import ElidedLabel, label
from core.errors import UserError

if TYPE_CHECKING:
    from core.data.roles import ColumnRoles
    from core.data.sample import Sample

RECOGNISE = "Recognise by name"
NOTHING_YET = "Choose the columns, or take a guess."
TURNS_SHOWN = 4
SAMPLE_CHARACTERS = 200


class MappingCard(Card):
    """Guesses, two combo boxes with what their columns hold, a template, and a preview.

    Signals:
        chosen: The user took the columns: the changes of the settings that say so.
    """

    chosen = Signal(dict)

    def __init__(self, session: Session, theme: Theme) -> None:
        super().__init__("Columns", "what is the question, what the answer to learn")
        self._session, self._theme = session, theme
        self._sample: Sample | None = None
        self.guesses: list[Button] = []
        self.prompt, self.answer = ComboBox(), ComboBox()
        self.template = QLineEdit()
        self.template.setPlaceholderText("or composed: Translate into {language}: {text}")
        self.apply_button = button("Use these columns", role="primary", theme=theme)
        self.apply_button.clicked.connect(self._on_apply)
        for field, name in (
            (self.prompt, "Prompt column"),
            (self.answer, "Answer column"),
            (self.template, "Prompt template"),
        ):
            field.setAccessibleName(name)
        self.prompt.changed.connect(self._on_changed)
        self.answer.changed.connect(self._on_changed)
        self.template.textChanged.connect(self._on_changed)
        self._line = QHBoxLayout()
        self._line.setSpacing(8)
        self.body.addLayout(self._line)
        self.body.addLayout(self._form())
        self.body.addWidget(hairline())
        self.body.addWidget(label("The first row, as it would be read", "label"))
        self.preview = QWidget()
        self._turns = QGridLayout(self.preview)
        self._turns.setContentsMargins(0, 0, 0, 0)
        self._turns.setColumnStretch(1, 1)
        self._turns.setHorizontalSpacing(12)
        self._turns.setVerticalSpacing(4)
        self.body.addWidget(self.preview)

    def _form(self) -> QGridLayout:
        self.prompt_sample = ElidedLabel("", "small", "muted", sentence=True)
        self.answer_sample = ElidedLabel("", "small", "muted", sentence=True)
        form = QGridLayout()
        form.setHorizontalSpacing(16)
        for place, name, field, below in (
            (0, "Prompt", self.prompt, self.prompt_sample),
            (1, "Answer", self.answer, self.answer_sample),
            (2, "Prompt template", self.template, None),
        ):
            cell = QVBoxLayout()
            cell.setSpacing(4)
            cell.addWidget(label(name, "label"))
            cell.addWidget(field)
            if below is not None:
                cell.addWidget(below)
            cell.addStretch(1)
            form.addLayout(cell, 0, place)
            form.setColumnStretch(place, 1)
        cell = QVBoxLayout()
        cell.setSpacing(4)
        cell.addWidget(label(" ", "label"))
        cell.addWidget(self.apply_button)
        cell.addStretch(1)
        form.addLayout(cell, 0, 3)
        return form

    def show_sample(self, sample: "Sample | None") -> None:
        """Offer the columns of a file; where it is not clear which is what, guesses as well."""
        self._sample = sample
        settings = self._session.settings.data
        columns = list(sample.columns) if sample is not None else []
        for box, chosen in (
            (self.prompt, settings.prompt_column),
            (self.answer, settings.answer_column),
        ):
            box.set_options([("", RECOGNISE), *((name, name) for name in columns)])
            box.set_value(chosen)
        self.template.setText(settings.template)
        self._show_guesses(sample.candidates() if sample is not None else ())
        self._on_changed()

    def changes(self) -> dict[str, str]:
        """Return the settings that choose what is shown."""
        template = self.template.text().strip()
        return {
            "data.prompt_column": "" if template else self.prompt.value or "",
            "data.answer_column": self.answer.value or "",
            "data.template": template,
        }

    # -- parts ------------------------------------------------------------------------------

    def _show_guesses(self, candidates: "tuple[ColumnRoles, ...]") -> None:
        while (item := self._line.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self.guesses = []
        if not candidates:
            return
        self._line.addWidget(label("Perhaps", "label"))
        for roles in candidates:
            guess = button(_said(roles), theme=self._theme)
            guess.clicked.connect(lambda _=False, roles=roles: self._take(roles))
            self.guesses.append(guess)
            self._line.addWidget(guess)
        self._line.addStretch(1)

    def _take(self, roles: "ColumnRoles") -> None:
        self.template.clear()
        self.prompt.set_value(roles.changes["data.prompt_column"])
        self.answer.set_value(roles.changes["data.answer_column"])

    # -- what happens -----------------------------------------------------------------------

    def _on_changed(self) -> None:
        sample = self._sample
        if sample is None:
            return
        self.prompt.setEnabled(not self.template.text().strip())
        self.prompt_sample.set_full_text(sample.words_of(self.prompt.value or ""))
        self.answer_sample.set_full_text(sample.words_of(self.answer.value or ""))
        changes = {key.removeprefix("data."): value for key, value in self.changes().items()}
        try:
            row = sample.read(self._session.settings.data.model_copy(update=changes))
            turns = [(message.role, message.content) for message in row][:TURNS_SHOWN]
            failed = False
        except UserError as error:
            turns, failed = [("", error.message if any(changes.values()) else NOTHING_YET)], True
        self.apply_button.setEnabled(not failed)
        self._show_turns(turns, failed)

    def _show_turns(self, turns: list[tuple[str, str]], failed: bool) -> None:
        while (item := self._turns.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for line, (role, words) in enumerate(turns):
            shown = " ".join(words[:SAMPLE_CHARACTERS].split())
            tone = "learned" if role in ("assistant", "text") else ""
            if failed:
                tone = "muted" if words == NOTHING_YET else "danger"
            if role:
                self._turns.addWidget(label(role, "small", "muted"), line, 0)
            words_label = ElidedLabel(shown, "small", tone, sentence=True)
            self._turns.addWidget(words_label, line, 1 if role else 0, 1, 1 if role else 2)

    def shown_turns(self) -> list[str]:
        """Return the lines of the preview."""
        items = (self._turns.itemAt(i) for i in range(self._turns.count()))
        labels = (item.widget() for item in items if item is not None)
        return [shown.full_text for shown in labels if isinstance(shown, ElidedLabel)]

    def _on_apply(self) -> None:
        self.chosen.emit(self.changes())


def _said(roles: "ColumnRoles") -> str:
    prompt, answer = roles.column("prompt"), roles.column("answer")
    if prompt and answer:
        return f"{prompt:.24} → {answer:.24}"
    return f"{roles.column('chat') or roles.column('text'):.40}"
