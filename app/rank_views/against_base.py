"""Against the base: where ΔW lies within the weights that it changes, and what it puts on top."""

from typing import ClassVar

from PySide6.QtWidgets import QWidget

from app.plots.alignment import AlignmentPlot
from app.plots.intruder_plot import IntruderPlot
from app.plots.plot_card import PlotCard
from app.rank_views.base import RankView
from app.why import RANKS
from app.widgets.legend import Key, Legend
from app.widgets.measure_panel import MeasurePanel
from app.widgets.tabs import Deck
from core.ranks.intruders import THRESHOLD

WORDS = (
    "Does the adapter strengthen what the model has, or put something new on top?",
    "Each weight matrix is compared with its change. That reads the base model once and takes a "
    "few minutes on a processor; 4-bit weights are compared as what they stand for.",
)


class AgainstBaseView(RankView):
    """Alignment with W₀ at the left, intruder dimensions at the right."""

    title: ClassVar[str] = "Against the base"

    def build(self) -> None:
        """Make the invitation to measure, and the two plots."""
        theme = self.context.theme
        self.threshold = THRESHOLD
        self.panel = MeasurePanel("base", WORDS, self.evidence, theme)
        self.alignment, self.intruders = AlignmentPlot(theme), IntruderPlot(theme)
        self.alignment_card = PlotCard(
            self.alignment,
            ("ΔW within W₀", "share of ‖ΔW‖²", "directions of W₀, strongest first, log"),
            Legend(
                Key("outputs", "line", "line_orange"),
                Key("inputs", "dashes", "line_blue"),
                Key("re-weighting", "dashes", "line_plum"),
                Key("chance", "dashes", "line_grey"),
                theme=theme,
            ),
            theme=theme,
            why=RANKS["alignment"],
        )
        self.intruder_card = PlotCard(
            self.intruders,
            ("Intruder dimensions", "likeness to the nearest direction of W₀", "of W₀+ΔW"),
            Legend(
                Key("known", "dot", "ok"),
                Key("borderline", "triangle", "warn"),
                Key("intruder", "cross", "danger"),
                theme=theme,
            ),
            theme=theme,
            why=RANKS["intruders"],
        )
        self.intruders.threshold_chosen.connect(self._on_threshold)
        self.stack = Deck()
        plots = QWidget()
        self.stack.addWidget(self.panel)
        self.stack.addWidget(plots)
        self.row.addWidget(self.stack)
        self.fill(plots, self.alignment_card, self.intruder_card)

    def draw(self) -> None:
        """Draw what was measured, or invite to measure it."""
        found = self.evidence.base
        self.stack.setCurrentIndex(int(found is not None))
        self.panel.refresh()
        if found is None or self.desk.module is None:
            return
        against = found.by_name.get(self.desk.module.name)
        self.alignment.show_module(against)
        self.intruders.show_found(against.intruders if against else None, self.threshold)
        self.move_k()
        counts = {v: found.count(v, self.threshold) for v in ("intruder", "borderline")}
        self.intruder_card.say(
            f"all modules: {counts['intruder']} sure, {counts['borderline']} borderline"
        )

    def move_k(self) -> None:
        """Say what the first k directions of ΔW amplify."""
        found, module = self.evidence.base, self.desk.module
        if found is None or module is None:
            return
        against, k = found.by_name.get(module.name), max(self.desk.k, 1)
        factor = against.amplification(k) if against is not None else None
        times = against.alignment(k) if against is not None else None
        if factor is None or times is None:
            self.alignment_card.say(f"amplification at k = {k}: not defined")
        else:
            self.alignment_card.say(
                f"k = {k}: amplifies × {factor:.3g}; W₀ is there {times:.3g} × chance"
            )

    def _on_threshold(self, threshold: float) -> None:
        self.threshold = threshold
        self.draw()
