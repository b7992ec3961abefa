"""DoRA: what the learned lengths did to the rows of W, beside the directional part."""

from typing import Any, ClassVar

from app.assistant import Task
from app.pages.base import PageContext
from app.plots.plot_card import PlotCard
from app.plots.ridgelines import RidgelinePlot
from app.rank_desk import RankDesk
from app.rank_evidence import RankEvidence
from app.rank_views.base import RankView
from app.why import RANKS
from app.widgets.buttons import button
from app.widgets.cards import Card
from app.widgets.legend import Key, Legend
from app.widgets.tabs import Deck
from app.widgets.text import label
from core.events import Event, Progress, Reply, RunEnded
from core.models.info import locate
from core.ranks.lengths import Lengths

WORDS = (
    "DoRA also learns the length of every row of W. How far it moved them follows from the "
    "adapter and the base weights, which are read once, matrix by matrix."
)


class DoraView(RankView):
    """Ridgelines of D, read from the base model in the worker."""

    title: ClassVar[str] = "DoRA"

    def __init__(self, context: PageContext, desk: RankDesk, evidence: RankEvidence) -> None:
        super().__init__(context, desk, evidence)
        self._lengths: dict[str, Lengths] = {}
        self._about = evidence.adapter
        self._task: Task | None = None
        self._message = ""

    def offered(self) -> bool:
        """Only DoRA has lengths."""
        return self.desk.spectra is not None and self.desk.spectra.adapter.family == "dora"

    def build(self) -> None:
        """Make the invitation and the plot."""
        theme = self.context.theme
        self.invitation = Card()
        self.words = label("", wrap=True)
        self.start = button("Read the lengths", theme=theme, icon="play")
        self.start.setObjectName("read_lengths")
        self.start.clicked.connect(self._on_start)
        self.invitation.body.addWidget(self.words)
        self.invitation.body.addWidget(self.start)
        self.invitation.body.addStretch(1)
        self.plot = RidgelinePlot(theme)
        self.card = PlotCard(
            self.plot,
            ("Row lengths", "", "factor D on the length of a row; 1 is unchanged"),
            Legend(Key("rows of a layer", "line", "line_orange"), theme=theme),
            theme=theme,
            why=RANKS["lengths"],
        )
        self.plot.module_chosen.connect(self.desk.select)
        self.stack = Deck()
        self.stack.addWidget(self.invitation)
        self.stack.addWidget(self.card)
        self.row.addWidget(self.stack)

    def draw(self) -> None:
        """Draw the lengths, or invite to read them."""
        if self.evidence.adapter != self._about:
            self._about, self._lengths = self.evidence.adapter, {}
        self.stack.setCurrentIndex(int(bool(self._lengths)))
        self.words.setText(self._message or self.evidence.why_not or WORDS)
        self.start.setEnabled(self._task is None and not self.evidence.why_not)
        module = self.desk.module
        if not self._lengths or module is None:
            return
        self.plot.show_lengths(self._lengths, module.name)
        found = self._lengths.get(module.name)
        if found is not None:
            self.card.caption.set_full_text(
                f"‖(D−I)·W₀‖ {found.magnitude_part:.3g}, ‖s·(D·B)·A‖ {found.directional_part:.3g}: "
                f"lengths are {found.magnitude_share:.0%} of the change"
            )

    def _on_start(self) -> None:
        settings = self.context.run.settings if self.desk.source.opened is None else None
        source = (settings or self.context.session.settings).model.source
        request: dict[str, Any] = {"adapter": str(self.evidence.adapter), "source": source}
        self._message = "Starting the worker …"
        lane = self.context.assistant.data
        self._task = lane.ask("dora_lengths", request, self._on_event)
        self.draw()

    def _on_event(self, event: Event) -> None:
        match event:
            case Progress():
                self._message = event.message
            case Reply():
                found = [Lengths.of_fields(fields) for fields in event.data["modules"]]
                found.sort(key=lambda module: locate(module.name) or (0, module.name))
                self._lengths = {module.name: module for module in found}
            case RunEnded():
                self._task = None
                failed = event.outcome == "failed"
                self._message = f"{event.message} {event.hint}" if failed else ""
        self.refresh()
