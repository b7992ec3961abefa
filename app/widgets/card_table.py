"""Which methods fit on cards of the usual sizes."""

from collections.abc import Iterator

from PySide6.QtWidgets import QGridLayout, QWidget

from app.session import Session
from app.style.theme import Theme
from app.widgets.buttons import IconLabel
from app.widgets.cards import hairline
from app.widgets.plan_rows import ANSWERS
from app.widgets.text import Label, label
from core.memory.amounts import GIB
from core.memory.cards import CARDS
from core.memory.devices import Device
from core.memory.plan import plan_methods
from core.memory.verdict import judge

EXAMPLES = (
    "NVIDIA GeForce RTX 5060",
    "NVIDIA GeForce RTX 5070",
    "NVIDIA GeForce RTX 5080",
    "NVIDIA GeForce RTX 4090",
    "NVIDIA RTX 6000 Ada",
    "NVIDIA H100 80 GB",
)
"""One card each of 8, 12, 16, 24, 48 and 80 GB."""
HEADS = ("LoRA", "8-bit", "4-bit", "DQ", "Full")


def example_cards() -> list[Device]:
    """Return the cards of `EXAMPLES`."""
    by_name = {card.name: card for card in CARDS}
    return [by_name[name] for name in EXAMPLES]


class CardTable(QWidget):
    """One row per card, one column per method; a mark in each."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__()
        self._session = session
        self._cards = example_cards()
        self._names: list[Label] = []
        self._marks: list[list[IconLabel]] = []
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(3)
        grid.setHorizontalSpacing(12)
        for column, head in enumerate(HEADS, start=1):
            grid.addWidget(label(head, "caption", "muted"), 0, column)
        for index, card in enumerate(self._cards):
            row = 2 * index + 1
            grid.addWidget(hairline(), row, 0, 1, len(HEADS) + 1)
            name = card.name.removeprefix("NVIDIA ").removeprefix("GeForce ")
            size = round(card.total_bytes / GIB)
            self._names.append(label(f"{size} GB  {name}", "small"))
            grid.addWidget(self._names[-1], row + 1, 0)
            marks = [IconLabel("", "text_2", theme=theme, size=14) for _ in HEADS]
            for column, mark in enumerate(marks, start=1):
                grid.addWidget(mark, row + 1, column)
            self._marks.append(marks)
        grid.setColumnStretch(0, 1)
        legend = "✓ fits   – tight   × does not fit"
        grid.addWidget(label(legend, "caption", "muted"), 2 * len(self._cards) + 1, 0, 1, 6)
        self.setAccessibleName("On other cards")

    def steps(self) -> Iterator[None]:
        """Judge all methods on one card per step; the one that is planned for stands out."""
        session, model = self._session, self._session.model
        for card, named in zip(self._cards, self._names, strict=True):
            named.set_tone("accent" if card == session.device else "")
        if model is None or not session.target_names():
            for mark in (mark for marks in self._marks for mark in marks):
                mark.set_icon("", "text_2")
                mark.setToolTip("")
            self.setAccessibleDescription("")
            return
        spoken = []
        for card, marks in zip(self._cards, self._marks, strict=True):
            plans = plan_methods(model, session.settings, device=card, known=session.known())
            for plan, mark in zip(plans, marks, strict=True):
                answer = judge(plan, card)
                name, token, words = ANSWERS[answer]
                mark.set_icon(name, token)
                mark.setToolTip(f"{plan.label} on {card.name}: {words.lower()}")
                spoken.append(f"{plan.label} on {card.name}: {answer}")
            yield
        self.setAccessibleDescription(". ".join(spoken))
