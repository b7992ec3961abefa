"""Evaluate: task and general text with base model, adapter, and what a change makes of it."""

from typing import ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.rank_actions.base import RankAction
from app.widgets.cards import hairline
from app.widgets.measure_panel import MeasurePanel
from app.widgets.tabs import Deck
from app.widgets.text import label
from core.ranks.before_after import BASE, FULL, BeforeAfter, Change, Text
from core.ranks.paired import Estimate

WORDS = (
    "What does it cost to keep only k directions of every module?",
    "The held-out rows and some pages of general text are read with the base model, with this "
    "adapter, and with the truncated one. General text shows what the model forgets.",
)
TEXTS: tuple[tuple[Text, str], ...] = (("task", "Held-out rows"), ("general", "General text"))


class EvaluateAction(RankAction):
    """A table of losses with one standard error, each beside its change."""

    title: ClassVar[str] = "Before and after"
    icon: ClassVar[str] = "scale"

    def offered(self) -> bool:
        """Only what was trained, and has been written, can be compared."""
        spectra = self.desk.spectra
        return spectra is not None and spectra.trained and self.evidence.adapter is not None

    def button_text(self) -> str:
        """Name the k."""
        return f"Evaluate at {self.desk.k}…"

    def build(self) -> None:
        """Make the invitation and the table."""
        card = self.make_card()
        self.panel = MeasurePanel("losses", WORDS, self.evidence, self.context.theme, self._changes)
        self.panel.setProperty("role", "")
        self.table = QWidget()
        self._grid = QGridLayout(self.table)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(24)
        self.stack = Deck()
        self.stack.addWidget(self.panel)
        self.stack.addWidget(self.table)
        card.body.addWidget(self.stack)

    def draw(self) -> None:
        """Show the losses, or invite to measure them."""
        found = self.evidence.losses_after(self._changes())
        self.card.caption.set_full_text(
            f"k = {self.desk.k} in every module, in nats per token ± 1 SE"
        )
        self.stack.setCurrentIndex(int(found is not None))
        self.panel.refresh()
        if found is not None:
            self._fill(found)

    def move_k(self) -> None:
        """Another k is another comparison."""
        self.draw()

    def _changes(self) -> tuple[Change, ...]:
        return (Change(kind="rank", value=float(max(self.desk.k, 1))),)

    def _fill(self, found: BeforeAfter) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        heads = ["", *(text for _, title in TEXTS for text in (title, "against this adapter"))]
        for column, head in enumerate(heads):
            self._put(0, column, head, "caption", "muted")
        self._grid.addWidget(hairline(), 1, 0, 1, len(heads))
        for row, side in enumerate(found.sides, 2):
            self._put(row, 0, _name(side.name), "label")
            for index, (text, _) in enumerate(TEXTS):
                self._put(row, 2 * index + 1, _loss(found.loss(side.name, text)), "body")
                same = side.name == FULL
                change = "" if same else _change(found.change(side.name, text))
                self._put(row, 2 * index + 2, change, "body", "muted")

    def _put(self, row: int, column: int, text: str, style: str, tone: str = "") -> None:
        right = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
        self._grid.addWidget(label(text, style, tone), row, column, right)


def _name(side: str) -> str:
    return {BASE: "Base model", FULL: "This adapter"}.get(side, f"Truncated to {side}")


def _loss(estimate: Estimate) -> str:
    return f"{estimate.mean:.3f} ± {estimate.error:.3f}"


def _change(estimate: Estimate) -> str:
    return f"{estimate.mean:+.4f} ± {estimate.error:.4f}".replace("-", "−")
