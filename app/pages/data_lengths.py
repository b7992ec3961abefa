"""How long the rows are, and the three settings that decide what of them is learned."""

from typing import Any

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from app.session import Session
from app.style.theme import Theme
from app.widgets.basic import Card, label
from app.widgets.fields import Segmented, form_row
from app.widgets.length_histogram import LengthHistogram

FORM_WIDTH = 296


class LengthsCard(Card):
    """The histogram with its cut line at the left, the form at the right."""

    def __init__(self, session: Session, theme: Theme) -> None:
        super().__init__("Length of rows", "real token counts of all rows")
        self._session = session
        self.longest = label("", "caption", "muted")
        self.header.addWidget(self.longest)
        self.histogram = LengthHistogram(theme)
        self.histogram.length_chosen.connect(self.set_length)
        line = QHBoxLayout()
        line.setSpacing(16)
        line.addWidget(self.histogram, 1)
        line.addWidget(self._form(theme))
        self.body.addLayout(line)

    def show_data(self, data: dict[str, Any]) -> None:
        """Show the lengths of a reply of the job `dataset`."""
        lengths = data["lengths"]
        trained = data["trained_tokens"] + data["cut_trained_tokens"]
        lost = data["cut_trained_tokens"] / trained if trained else 0.0
        self.histogram.show_lengths(lengths, self._session.settings.data.max_length, lost)
        self.longest.setText(f"longest {max(lengths):,}" if lengths else "")

    def set_length(self, length: int) -> None:
        """Cut the rows elsewhere."""
        self._session.change({"data.max_length": length}, stroke=True)

    def _form(self, theme: Theme) -> QWidget:
        form = QWidget()
        form.setFixedWidth(FORM_WIDTH)
        grid = QGridLayout(form)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(12)
        answers = Segmented(
            [("answers", "Answers"), ("last answer", "Last"), ("everything", "All")], theme=theme
        )
        grid.addWidget(form_row(self._session, "data.max_length", theme=theme), 0, 0)
        grid.addWidget(form_row(self._session, "data.held_out", theme=theme), 0, 1)
        train_on = form_row(self._session, "data.train_on", answers, theme=theme)
        grid.addWidget(train_on, 1, 0, 1, 2)
        grid.addWidget(form_row(self._session, "data.fold_turns", theme=theme), 2, 0, 1, 2)
        return form
