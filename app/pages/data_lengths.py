"""How long the rows are, what a cut at the line costs, and the settings that decide about it."""

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from app.amounts import with_unit
from app.session import Session
from app.style.theme import Theme
from app.widgets.buttons import Button, button
from app.widgets.cards import Card
from app.widgets.facts import Facts
from app.widgets.fields import Segmented, form_row
from app.widgets.length_histogram import LengthHistogram
from app.widgets.text import label
from app.words import percent
from core.data.lengths import ROUND_LENGTHS_TO, RowLengths
from core.data.padding import padded_share
from core.errors import UserError
from core.memory.proposals import Case

FORM_WIDTH = 264
FACTS_WIDTH = 228
MOST = 0.95
"""Share of the rows that the shorter of two offered lengths leaves whole."""


class LengthsCard(Card):
    """The histogram with its cut line, what the line does beside it, the form at the right."""

    def __init__(self, session: Session, theme: Theme) -> None:
        super().__init__("Length of rows", "real token counts of all rows")
        self._session = session
        self._lengths = RowLengths()
        self._case: Case | None = None
        self.longest = label("", "caption", "muted")
        self.most_button = self._offer("most_whole", MOST, theme)
        self.all_button = self._offer("all_whole", 1.0, theme)
        self.header.addWidget(self.longest)
        self.header.addWidget(self.most_button)
        self.header.addWidget(self.all_button)
        self.histogram = LengthHistogram(theme)
        self.histogram.length_chosen.connect(self.set_length)
        self.histogram.moved.connect(self._weigh)
        self.facts = Facts()
        self.facts.setFixedWidth(FACTS_WIDTH)
        line = QHBoxLayout()
        line.setSpacing(16)
        line.addWidget(self.histogram, 1)
        line.addWidget(self.facts)
        line.addWidget(self._form(theme))
        self.body.addLayout(line)
        session.plan_changed.connect(self._on_plan)

    def show_lengths(self, lengths: RowLengths) -> None:
        """Show the lengths of the rows, none before they are known."""
        self._lengths, self._case = lengths, None
        self.histogram.show_lengths(lengths, self._session.settings.data.max_length)
        tokens = lengths.tokens
        self.longest.setText(f"longest {tokens.most:,}" if len(lengths) else "")
        for made, share, words in (
            (self.most_button, MOST, "95 % whole"),
            (self.all_button, 1.0, "all whole"),
        ):
            made.setText(f"{words}: {tokens.length_for(share):,}")
            made.setVisible(len(lengths) > 0)
        same = tokens.length_for(MOST) == tokens.length_for(1.0)
        self.most_button.setVisible(len(lengths) > 0 and not same)
        self._weigh(self.histogram.length)

    def set_length(self, length: int) -> None:
        """Cut the rows elsewhere."""
        self._session.change({"data.max_length": length}, stroke=True)

    # -- what the line does -------------------------------------------------------------------

    def _on_plan(self) -> None:
        self._case = None
        self._weigh(self.histogram.length)

    def _weigh(self, length: int) -> None:
        """Show what a cut at `length` does, exactly; padding and memory as they are expected."""
        lengths, training = self._lengths, self._session.settings.training
        if not len(lengths):
            for name in ("Rows cut", "Answers lost", "Padding", "Packing", "Memory"):
                self.facts.show_fact(name, "–", "muted")
            return
        cut, lost, left = lengths.cut(length), lengths.lost(length), lengths.trained(length)
        share = lost / (lost + left) if lost else 0.0
        padding = padded_share(lengths.tokens, length, training.micro_batch)
        rows = f"{cut:,} ({percent(cut / len(lengths))})" if cut else "none"
        self.facts.show_fact("Rows cut", rows, "warn" if cut else "")
        self.facts.show_fact(
            "Answers lost",
            f"{lost:,} tokens ({percent(share)})" if lost else "none",
            "warn" if lost else "",
        )
        saved = " saved" if training.packing else ""
        self.facts.show_fact(
            "Padding",
            f"about {percent(padding)}{saved}",
            why=f"Share of a micro-batch of {training.micro_batch} rows drawn at random that is "
            "filled up to its longest row; packing lays rows end to end instead.",
        )
        self.facts.show_fact(
            "Packing",
            f"about {1 / (1 - padding):.2f}×",
            why="Tokens that a step computes with padding, over those without.",
        )
        self.facts.show_fact("Memory", self._memory(length), why="Peak of training at this length.")

    def _memory(self, length: int) -> str:
        """Return what training at a length takes, as the memory page would plan it."""
        if self._case is None:
            self._case = self._session.case()
        if self._case is None:
            return "–"
        try:
            settings = self._case.settings.with_changes({"data.max_length": length})
            return f"about {with_unit(self._case.plan(settings).peak_bytes)}"
        except UserError:  # the line is out of the bounds of the setting
            return "–"

    # -- parts --------------------------------------------------------------------------------

    def _offer(self, name: str, share: float, theme: Theme) -> Button:
        made = button("", theme=theme, role="quiet", small=True)
        made.setObjectName(name)
        made.setToolTip(
            f"The smallest multiple of {ROUND_LENGTHS_TO} tokens that cuts "
            + ("no row" if share == 1 else f"at most {1 - share:.0%} of the rows")
        )
        made.clicked.connect(lambda: self.set_length(self._lengths.tokens.length_for(share)))
        made.hide()
        return made

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
