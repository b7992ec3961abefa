"""A question and its answers, side by side."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.style.theme import Theme
from app.widgets.buttons import IconLabel
from app.widgets.cards import hairline
from app.widgets.text import ElidedLabel, label
from core.events import Answer

_ENDS = {
    "end": "stopped by itself",
    "length": "cut: the longest answer is reached",
    "asked": "stopped by you",
}
_NAMES = {"base": "Base", "adapter": "With adapter"}


class AnswerPane(QFrame):
    """What one side says, and how fast."""

    def __init__(self, side: str) -> None:
        super().__init__()
        self._name = _NAMES[side]
        self.text = label("", "answer", wrap=True)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.text.setMinimumHeight(42)
        self.foot = label("waiting", "caption", "faint")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 10)
        layout.setSpacing(8)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.foot)
        self._say()

    def add(self, piece: Answer) -> None:
        """Append a piece of the answer."""
        self.text.setText(self.text.text() + piece.text)
        facts = [f"{piece.tokens} tokens", f"{piece.tokens_per_second:.0f} tokens/s"]
        facts.append(_ENDS.get(piece.stop, "answering"))
        self.foot.setText("   ".join(facts))
        self.foot.set_tone("warn" if piece.stop == "length" else "faint")
        if piece.stop:
            self._say()

    def end(self, reason: str) -> None:
        """Say why there is no more, unless the answer has ended by itself."""
        if self.foot.text().endswith("answering") or self.foot.text() == "waiting":
            self.foot.setText(reason)
        self._say()

    def _say(self) -> None:
        self.text.setAccessibleName(f"{self._name}: {self.text.text()}")


class Turn(QFrame):
    """One question across, below it one pane per side."""

    def __init__(self, question: str, held_out: str, sides: tuple[str, ...], theme: Theme) -> None:
        super().__init__()
        self.held_out = held_out
        self.setAccessibleName(f"Question: {question}")
        self.panes = {side: AnswerPane(side) for side in sides}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(_question_row(question, held_out, theme))
        layout.addWidget(hairline())
        answers = QHBoxLayout()
        answers.setSpacing(0)
        for side, pane in self.panes.items():
            if side != sides[0]:
                answers.addWidget(vertical_line())
            answers.addWidget(pane, 1)
        layout.addLayout(answers)
        layout.addWidget(hairline())

    def add(self, piece: Answer) -> None:
        """Hand a piece to its side."""
        if piece.speaker in self.panes:
            self.panes[piece.speaker].add(piece)

    def end(self, reason: str) -> None:
        """Close all panes."""
        for pane in self.panes.values():
            pane.end(reason)


def vertical_line() -> QFrame:
    """Return a vertical line of one pixel."""
    line = QFrame()
    line.setProperty("role", "hairline")
    line.setFixedWidth(1)
    return line


def _question_row(question: str, held_out: str, theme: Theme) -> QWidget:
    row = QFrame()
    row.setProperty("role", "well")
    layout = QHBoxLayout(row)
    layout.setContentsMargins(16, 8, 16, 8)
    layout.setSpacing(8)
    asked = label(question, "card", wrap=True)
    asked.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    layout.addWidget(asked, 3)
    if held_out:
        layout.addWidget(IconLabel("book-open", "text_3", theme=theme))
        layout.addWidget(label("Held-out answer", "small", "muted"))
        layout.addWidget(ElidedLabel(held_out, "small"), 2)
    return row
