"""Which methods fit on cards of the usual sizes."""

from PySide6.QtWidgets import QGridLayout, QWidget

from app.session import Session
from app.style.theme import Theme
from app.widgets.basic import IconLabel, hairline, label
from app.widgets.plan_rows import ANSWERS
from core.memory.amounts import GIB
from core.memory.cards import CARDS
from core.memory.devices import Device
from core.memory.plan import plan_methods
from core.memory.verdict import judge

SIZES = (8, 12, 16, 24, 48, 80)
"""In GiB."""
HEADS = ("LoRA", "8-bit", "4-bit", "DQ", "Full")


def example_cards() -> list[Device]:
    """Return one card of each size: the newest that people have at home, else any."""
    found = []
    for size in SIZES:
        same = [card for card in CARDS if round(card.total_bytes / GIB) == size]
        at_home = [card for card in same if "GeForce" in card.name]
        if same:
            found.append(max(at_home or same, key=lambda card: card.compute_capability))
    return found


class CardTable(QWidget):
    """One row per card, one column per method; a mark in each."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__()
        self._session = session
        self._cards = example_cards()
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
            grid.addWidget(label(f"{size} GB  {name}", "small"), row + 1, 0)
            marks = [IconLabel("", "text_2", theme=theme, size=14) for _ in HEADS]
            for column, mark in enumerate(marks, start=1):
                grid.addWidget(mark, row + 1, column)
            self._marks.append(marks)
        grid.setColumnStretch(0, 1)
        legend = "✓ fits   – tight   × does not fit"
        grid.addWidget(label(legend, "caption", "muted"), 2 * len(self._cards) + 1, 0, 1, 6)
        self.setAccessibleName("On other cards")

    def refresh(self) -> None:
        """Judge all methods on all cards; a plan differs between cards by its context alone."""
        session, model = self._session, self._session.model
        if model is None or not session.target_names():
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
        self.setAccessibleDescription(". ".join(spoken))
