"""Where the rows come from: file, format, roles of columns, totals."""

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.style.theme import Theme
from app.widgets.buttons import IconLabel
from app.widgets.cards import Card, Chip
from app.widgets.text import ElidedLabel, label
from app.words import percent

TOTALS = ("rows", "held out", "tokens", "trained")
FORMATS = {
    "chat": "Chat: messages",
    "sharegpt": "Chat: ShareGPT",
    "alpaca": "Instructions: Alpaca",
    "prompt-answer": "Prompt and answer",
    "preference": "Preferences: chosen only",
    "sequence": "Sequences",
    "text": "Plain text",
}


class SourceCard(Card):
    """Name and origin at the left, four totals at the right."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        layout = self.layout()
        assert layout is not None
        layout.setContentsMargins(16, 8, 16, 8)
        self._numbers = {name: label("–", "stat") for name in TOTALS}
        self.file = ElidedLabel("", "card")
        self.origin = ElidedLabel("", "caption", "muted")
        self.format = Chip("", "ok", "check", theme=theme)
        self.roles = ElidedLabel("", "small", "muted")
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self.file)
        names.addWidget(self.origin)
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(IconLabel("file-braces", "accent", theme=theme, size=20))
        line.addLayout(names, 2)
        line.addWidget(self.format)
        line.addWidget(self.roles, 3)
        for name, number in self._numbers.items():
            line.addWidget(_divider())
            line.addWidget(_total(name, number))
        self.body.addLayout(line)

    def show_data(self, path: str, data: dict[str, Any] | None) -> None:
        """Show a file and, once it has been read, what is in it."""
        starter = path == "starter"
        self.file.set_full_text("wordnet_definitions.jsonl" if starter else Path(path).name)
        self.origin.set_full_text(
            "starter data · WordNet licence" if starter else str(Path(path).parent)
        )
        self.format.setVisible(data is not None)
        if data is None:
            self.roles.set_full_text("")
            for number in self._numbers.values():
                number.setText("–")
            return
        self.format.set_text(FORMATS.get(data["format"], data["format"]))
        words = [f"{column} → {role}" for column, role in data["roles"].items()]
        self.roles.set_full_text("   ".join(words))
        tokens, complete = data["tokens"], data["complete"]
        texts = (
            f"{data['rows']:,}" if complete else "–",
            f"{data['held_out']:,}" if complete else "–",
            f"{tokens:,}" if data["lengths"] else "–",
            percent(data["trained_tokens"] / tokens) if tokens else "–",
        )
        for name, text in zip(TOTALS, texts, strict=True):
            self._numbers[name].setText(text)
            self._numbers[name].setAccessibleName(f"{text} {name}")

    def total(self, name: str) -> str:
        """Return one of the totals as it is shown."""
        return self._numbers[name].text()


def _total(name: str, number: QWidget) -> QWidget:
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    layout.addWidget(number)
    layout.addWidget(label(name, "caption", "muted"))
    return holder


def _divider() -> QFrame:
    line = QFrame()
    line.setProperty("role", "divider")
    line.setFixedWidth(1)
    return line
