"""Does it matter?: what held-out data say about smaller ranks, and about single components."""

from typing import ClassVar

from PySide6.QtWidgets import QWidget

from app.plots.importance import ImportancePlot
from app.plots.loss_curve import LOOKS, LossCurvePlot
from app.plots.plot_card import PlotCard
from app.rank_views.base import RankView
from app.why import RANKS
from app.widgets.legend import Key, Legend
from app.widgets.measure_panel import MeasurePanel
from app.widgets.tabs import Deck

WORDS = (
    "Which rank is enough shows in the loss on rows that were held out.",
    "The adapter is truncated to every smaller rank in memory and read on the same rows each "
    "time. That takes as long as some twenty evaluations, and changes no file.",
)


class DoesItMatterView(RankView):
    """Loss after truncation at the left, size against sensitivity at the right."""

    title: ClassVar[str] = "Does it matter?"

    def build(self) -> None:
        """Make the invitation to measure, and the two plots."""
        theme = self.context.theme
        self.panel = MeasurePanel("curve", WORDS, self.evidence, theme)
        self.loss, self.importance = LossCurvePlot(theme), ImportancePlot(theme)
        shapes = {"uniform": "line", "budget": "dashes", "energy": "line", "functional": "dashes"}
        keys = [Key(words, shapes[mode], token) for mode, (words, token, _) in LOOKS.items()]
        self.loss_card = PlotCard(
            self.loss,
            ("Loss after truncation", "held-out, against the whole adapter, ± 1 SE", "rank kept"),
            Legend(*keys, Key("inside the noise", "band", "ok"), theme=theme),
            theme=theme,
            why=RANKS["loss_after_truncation"],
        )
        self.importance_card = PlotCard(
            self.importance,
            ("Size against sensitivity", "of every component", "σ, log"),
            Legend(
                Key("this module", "dot", "line_orange"),
                Key("not told from zero", "circle", "line_orange"),
                Key("all modules", "dot", "line_grey"),
                theme=theme,
            ),
            theme=theme,
            why=RANKS["sensitivity"],
        )
        self.loss.k_chosen.connect(self.desk.set_k)
        self.importance.module_chosen.connect(self.desk.select)
        self.stack = Deck()
        plots = QWidget()
        self.stack.addWidget(self.panel)
        self.stack.addWidget(plots)
        self.row.addWidget(self.stack)
        self.fill(plots, self.loss_card, self.importance_card)

    def draw(self) -> None:
        """Draw what was measured, or invite to measure it."""
        curve, use, verdict = self.evidence.curve, self.evidence.use, self.evidence.verdict
        self.stack.setCurrentIndex(int(curve is not None))
        self.panel.refresh()
        if curve is None or verdict is None:
            return
        self.loss.show_curve(curve, verdict, self.desk.k)
        self.loss_card.say(f"{curve.examples} examples")
        self.importance_card.setVisible(use is not None)
        if use is not None and self.desk.module is not None:
            self.importance.show_use(use, self.desk.module.name)

    def move_k(self) -> None:
        """Follow k."""
        self.loss.set_k(self.desk.k)
