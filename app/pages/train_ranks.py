"""Ranks so far: the small heat map on the page of a run."""

from PySide6.QtWidgets import QHBoxLayout

from app.pages.base import PageContext
from app.plots.color_bar import ColorBar
from app.plots.heat_map import HeatMap
from app.widgets.buttons import button
from app.widgets.cards import Card
from app.widgets.text import label
from core.errors import UserError
from core.models.info import locate
from core.ranks import load_ranks
from core.ranks.measures import MAP_MEASURES, values

MEASURE = "energy_rank"


class RanksCard(Card):
    """How many directions of each matrix hold 95 % of its energy, as of the newest evaluation."""

    def __init__(self, context: PageContext) -> None:
        super().__init__("Ranks so far")
        self._run, self._session = context.run, context.session
        self.open_button = button("Open →", theme=context.theme, role="quiet", small=True)
        self.open_button.setAccessibleName("Open ranks")
        self.open_button.clicked.connect(lambda: context.go("ranks"))
        self.header.addWidget(self.open_button)
        self.map = HeatMap(context.theme)
        self.bar = ColorBar(context.theme)
        self.nothing = label(
            "The first evaluation brings the first picture.", "small", "muted", True
        )
        self.body.addWidget(self.nothing)
        self.body.addWidget(self.map)
        self.measure = label("directions for 95 %", "caption", "muted")
        foot = QHBoxLayout()
        foot.addWidget(self.measure)
        foot.addStretch(1)
        foot.addWidget(self.bar)
        self.body.addLayout(foot)
        self.body.addStretch(1)
        self.show_newest()

    def show_newest(self) -> None:
        """Show the newest spectra in the run folder."""
        run = self._run.run
        files = sorted(run.ranks_dir.glob("step-*.json")) if run is not None else []
        self.nothing.setVisible(not files)
        for widget in (self.map, self.bar, self.measure):
            widget.setVisible(bool(files))
        if not files:
            self.caption.set_full_text("")
            return
        try:
            spectra = load_ranks(files[-1])
        except UserError as error:
            self.nothing.setText(error.message)
            self.nothing.show()
            return
        cells = {}
        for name, value in values(spectra, MAP_MEASURES[MEASURE]).items():
            place = locate(name)
            if place is not None:
                cells[(place[1], place[0])] = value
        grid = spectra.grid_within(self._session.model)
        step = int(files[-1].stem.rsplit("-", 1)[-1])
        self.caption.set_full_text(f"step {step:,}")
        self.map.show_values(grid, cells, lambda value: f"{value:.0f}")
        top = max(cells.values(), default=1.0)
        self.map.set_range(1.0, max(2.0, top))
        self.bar.set_ends("1", f"{top:.0f}")
