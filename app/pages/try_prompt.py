"""Where a question is written: suggestions, the settings of the answer, the field, the button."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.style.theme import Theme
from app.widgets.buttons import Button, button
from app.widgets.controls import DoubleSpinBox, SpinBox
from app.widgets.text import label

SUGGESTIONS = 2
LONGEST_SUGGESTION = 28


class PromptBox(QFrame):
    """The foot of the page.

    Signals:
        asked: Enter, Ctrl+Enter or the button, with a question in the field.
        stop_wanted: The button, while an answer is coming.
    """

    asked = Signal(str)
    stop_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._theme = theme
        self._busy = False
        self.field = QLineEdit()
        self.field.setObjectName("prompt")
        self.field.setAccessibleName("Question")
        self.field.setPlaceholderText("Ask something that is like your data")
        self.field.returnPressed.connect(self._on_press)
        self.button = button("Ask both", theme=theme, icon="send")
        self.button.setObjectName("ask_button")
        self.button.clicked.connect(self._on_press)
        self.temperature = DoubleSpinBox(0.0, 2.0, 0.0)
        self.temperature.setSingleStep(0.1)
        self.temperature.setDecimals(1)
        self.longest = SpinBox(1, 4096, 96)
        self.seed = SpinBox(0, 2**31 - 1, 7)
        self._try = label("Try", "small", "muted")
        self.suggestions: list[Button] = []
        self._chips = QHBoxLayout()
        self._chips.setSpacing(8)
        self._lay_out()
        shortcut = QShortcut(QKeySequence("Ctrl+Return"), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(self._on_press)

    def suggest(self, questions: list[str]) -> None:
        """Offer some questions as buttons."""
        for old in self.suggestions:
            self._chips.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.suggestions = [self._suggestion(question) for question in questions[:SUGGESTIONS]]
        for chip in self.suggestions:
            self._chips.addWidget(chip)

    def set_tight(self, tight: bool) -> None:
        """Leave the suggestions out in a small window."""
        for widget in (self._try, *self.suggestions):
            widget.setVisible(not tight)

    def set_busy(self, busy: bool, ask: str) -> None:
        """Show Stop while an answer is coming, else the button called `ask`."""
        self._busy = busy
        self.button.setText("Stop" if busy else ask)
        self.button.set_icon("square" if busy else "send")
        self.button.setAccessibleName(self.button.text())

    def _suggestion(self, question: str) -> Button:
        short = (
            question
            if len(question) <= LONGEST_SUGGESTION
            else f"{question[: LONGEST_SUGGESTION - 1]}…"
        )
        made = button(short, theme=self._theme, role="filter")
        made.setToolTip(question)
        made.setAccessibleName(f"Ask: {question}")
        made.clicked.connect(lambda: self.field.setText(question))
        made.clicked.connect(self._on_press)
        return made

    def _on_press(self) -> None:
        if self._busy:
            self.stop_wanted.emit()
        elif self.field.text().strip():
            self.asked.emit(self.field.text().strip())

    def _lay_out(self) -> None:
        settings = QHBoxLayout()
        settings.setSpacing(8)
        settings.addWidget(self._try)
        settings.addLayout(self._chips)
        settings.addStretch(1)
        for name, box, meaning in (
            ("Temperature", self.temperature, "0 always takes the likeliest next token"),
            ("Longest answer", self.longest, "in tokens"),
            ("Seed", self.seed, "fixes what is drawn where the temperature is above 0"),
        ):
            settings.addWidget(label(name, "small", "muted"))
            settings.addWidget(_named(box, name, meaning))
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.field, 1)
        line.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(10)
        layout.addLayout(settings)
        layout.addLayout(line)


def _named(box: QWidget, name: str, meaning: str) -> QWidget:
    box.setAccessibleName(name)
    box.setAccessibleDescription(meaning)
    box.setToolTip(meaning)
    box.setFixedWidth(72)
    return box
