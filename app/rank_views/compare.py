"""Compare: this adapter against another one, direction by direction and layer by layer."""

from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.pages.base import PageContext
from app.plots.color_bar import ColorBar
from app.plots.difference import DifferencePlot
from app.plots.plot_card import PlotCard
from app.plots.similarity_map import SimilarityMap, diverging
from app.rank_comparison import RankComparison
from app.rank_desk import RankDesk
from app.rank_evidence import RankEvidence
from app.rank_views.base import RankView
from app.why import RANKS
from app.widgets.adapter_chooser import AdapterChooser
from app.widgets.buttons import IconLabel
from app.widgets.cards import Card
from app.widgets.controls import Segmented
from app.widgets.legend import Key, Legend
from app.widgets.tabs import Deck
from app.widgets.text import label


class CompareView(RankView):
    """φ of the selected module at the left, all modules over the layers at the right."""

    title: ClassVar[str] = "Compare"

    def __init__(self, context: PageContext, desk: RankDesk, evidence: RankEvidence) -> None:
        super().__init__(context, desk, evidence)
        self.comparison = RankComparison(evidence)
        self.comparison.changed.connect(self.refresh)

    def build(self) -> None:
        """Make the choice of the other adapter, and the two plots."""
        theme = self.context.theme
        self.stack = Deck()
        self.stack.addWidget(self._make_invitation())
        plots = QWidget()
        self.stack.addWidget(plots)
        self.row.addWidget(self.stack)
        self.map, self.difference = SimilarityMap(theme), DifferencePlot(theme)
        self.side = Segmented(
            [("inputs", "in"), ("outputs", "out"), ("A", "A")], theme=theme, name="Side"
        )
        self.measure = Segmented([("cosine", "cosine"), ("ratio", "size")], theme=theme, name="y")
        self.bar = ColorBar(theme, self._color)
        self.bar.set_ends("−1", "+1")
        self.map_card = PlotCard(
            self.map,
            ("Shared directions", "φ − chance", "first j of the other; down: first i"),
            Legend(theme=theme),
            theme=theme,
            why=RANKS["similarity"],
        )
        self.difference_card = PlotCard(
            self.difference,
            ("By layer", "", "layer"),
            Legend(
                Key("this kind of module", "line", "line_orange"),
                Key("all modules", "dot", "line_grey"),
                theme=theme,
            ),
            theme=theme,
            why=RANKS["difference"],
        )
        self.map_card.add_control(self.bar)
        self.map_card.add_control(self.side)
        self.difference_card.add_control(self.measure)
        self.difference_card.add_control(self._make_chooser("Another", small=True))
        for control in (self.side, self.measure):
            control.setProperty("compact", "true")
            control.changed.connect(lambda _value: self.draw())
        self.map.i_chosen.connect(self.desk.set_k)
        self.difference.module_chosen.connect(self.desk.select)
        self.fill(plots, self.map_card, self.difference_card)

    def _make_invitation(self) -> QWidget:
        made, layout = Card(), QVBoxLayout()
        centre = Qt.AlignmentFlag.AlignHCenter
        icon = IconLabel("git-compare", "text_3", theme=self.context.theme, size=24)
        self.words = label("", "body", "muted", wrap=True)
        self.words.setAlignment(centre)
        self.chooser = self._make_chooser("Compare with")
        layout.addStretch(1)
        layout.addWidget(icon, 0, centre)
        layout.addWidget(self.words)
        layout.addWidget(self.chooser, 0, centre)
        layout.addStretch(1)
        made.body.addLayout(layout, 1)
        return made

    def _make_chooser(self, text: str, *, small: bool = False) -> AdapterChooser:
        made = AdapterChooser(
            text,
            theme=self.context.theme,
            icon="git-compare",
            shown=self.desk.source.shown_run,
            small=small,
        )
        made.chosen.connect(self.compare_with)
        return made

    def draw(self) -> None:
        """Draw the comparison, or invite to choose an adapter."""
        found, module = self.comparison.found, self.desk.module
        self.stack.setCurrentIndex(int(found is not None))
        self.words.setText(self._state())
        self.chooser.setEnabled(self.evidence.adapter is not None)
        if found is None or module is None:
            return
        compared = next((m for m in found.modules if m.name == module.name), None)
        self.map.show_module(compared, self.side.value)
        self.difference.show_comparison(found, module.name, self.measure.value)
        self.difference_card.caption.set_full_text(f"against {found.names[1]}")
        words = f"all modules together: cosine {found.cosine:.3f}".replace("-", "−")
        self.difference_card.say(" ".join([words, *found.warnings]))
        self.map_card.say(found.warnings[0] if found.warnings else "")

    def _color(self, share: float) -> QColor:
        table = diverging(self.context.theme.tokens.dark)
        return QColor(*table[round(255 * share)])

    def _state(self) -> str:
        if self.comparison.busy:
            return f"Comparing with {self.comparison.other} …"
        if self.comparison.error is not None:
            return f"{self.comparison.error.message} {self.comparison.error.hint}"
        if self.evidence.adapter is None:
            return self.evidence.why_not
        return (
            "Do two adapters learn the same directions? Choose another run, another seed or "
            "rank, or an adapter folder of the same base model."
        )

    def compare_with(self, path: Path) -> None:
        """Compare with another adapter."""
        self.comparison.compare_with(path)
