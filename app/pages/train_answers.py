"""What the model answers to a question at every evaluation, beside what the data answers."""

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from app.style.theme import Theme
from app.widgets.buttons import icon_button
from app.widgets.text import ElidedLabel, label
from core.events import Event, Sampled

MOST_ANSWERS = 200
"""Evaluations that are shown; the file events.jsonl has them all."""


class AnswersView(QWidget):
    """One question at a time; arrows lead to the others."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._sampled: list[Sampled] = []
        self._chosen = 0
        self.back = icon_button("chevron-left", "Question before", theme=theme)
        self.forth = icon_button("chevron-right", "Next question", theme=theme)
        self.back.clicked.connect(lambda: self._choose(self._chosen - 1))
        self.forth.clicked.connect(lambda: self._choose(self._chosen + 1))
        self.number = label("", "caption", "muted")
        self.question = ElidedLabel("", "small", sentence=True)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.question, 1)
        for widget in (self.number, self.back, self.forth):
            head.addWidget(widget)
        self._rows = QVBoxLayout()
        self._rows.setContentsMargins(0, 0, 8, 0)
        inside = QWidget()
        inside.setLayout(self._rows)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QScrollArea.Shape.NoFrame)
        self.area.setWidget(inside)
        self.area.setAccessibleName("Answers")
        self._table: QWidget | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self.area, 1)
        self._show()

    @property
    def answers(self) -> list[tuple[int, str]]:
        """Step and answer to the chosen question, newest first."""
        newest_first = reversed(self._sampled)
        return [(event.step, event.samples[self._chosen]["answer"]) for event in newest_first]

    def show_events(self, events: list[Event]) -> None:
        """Begin with the events of another run."""
        self._sampled, self._chosen = [], 0
        for event in events:
            self._take(event)
        self._show()

    def add(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, Sampled):
            self._take(event)
            self._show()

    def _take(self, event: Event) -> None:
        """Keep the answers; a step that a resumed run repeats replaces what came from it on."""
        if isinstance(event, Sampled) and event.samples:
            kept = [before for before in self._sampled if before.step < event.step]
            self._sampled = [*kept[-MOST_ANSWERS:], event]

    def _choose(self, index: int) -> None:
        self._chosen = index
        self._show()

    def _show(self) -> None:
        questions = self._sampled[-1].samples if self._sampled else []
        self._chosen = min(self._chosen, max(0, len(questions) - 1))
        several = len(questions) > 1
        for widget in (self.number, self.back, self.forth):
            widget.setVisible(several)
        self.back.setEnabled(self._chosen > 0)
        self.forth.setEnabled(self._chosen < len(questions) - 1)
        self.number.setText(f"{self._chosen + 1} of {len(questions)}")
        table = QWidget()
        grid = QGridLayout(table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        if questions:
            chosen = questions[self._chosen]
            self.question.set_full_text(_one_line(chosen["prompt"]))
            _add_row(grid, "wanted", chosen["wanted"], "muted")
            for step, answer in self.answers:
                _add_row(grid, f"step {step:,}", answer or "(nothing)", "")
        else:
            self.question.set_full_text(
                "Held-out questions are answered at every evaluation; the first one brings them."
            )
        self._replace(table)

    def _replace(self, table: QWidget) -> None:
        if self._table is not None:
            self._rows.removeWidget(self._table)
            self._table.hide()
            self._table.deleteLater()
        self._rows.insertWidget(0, table)
        if self._table is None:
            self._rows.addStretch(1)
        self._table = table


def _add_row(grid: QGridLayout, name: str, text: str, tone: str) -> None:
    line: QLabel = label(name, "caption", "muted")
    place = grid.rowCount()
    grid.addWidget(line, place, 0)
    grid.addWidget(ElidedLabel(_one_line(text), "small", tone, sentence=True), place, 1)


def _one_line(text: str) -> str:
    return " ".join(text.split())
