"""Rank per module: where directions are needed, and where they are not."""

from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar

from app.plots.allocation import AllocationPlot
from app.plots.plot_card import PlotCard
from app.rank_views.base import RankView
from app.why import RANKS
from app.widgets.controls import Segmented
from app.widgets.legend import Key, Legend
from core.ranks import AdapterSpectra
from core.ranks.selection import Ranking, by_energy, parameters_of, ranks_of

OPTIONS = [("uniform", "k everywhere"), ("budget", "shared budget"), ("energy", "same energy")]


class AllocationView(RankView):
    """Present and proposed rank of every module; k decides how many parameters stay.

    All three ways keep as many parameters as k directions of every module have, so that they can
    be compared: k itself, the same number spent where σ²/(m+n) is largest, or the share of energy
    that comes closest to it.
    """

    title: ClassVar[str] = "Rank per module"

    def build(self) -> None:
        """Make the plot and the choice of ways."""
        theme = self.context.theme
        self._proposals: Proposals | None = None
        self.plot = AllocationPlot(theme)
        self.way = Segmented(OPTIONS, theme=theme, name="How the directions are shared out")
        self.way.setProperty("compact", "true")
        self.way.set_value("budget")
        self.way.changed.connect(lambda _way: self.draw())
        self.card = PlotCard(
            self.plot,
            ("Rank per module", "", "modules, most directions first"),
            Legend(Key("now", "cell", "track"), Key("proposed", "cell", "learned"), theme=theme),
            theme=theme,
            why=RANKS["allocation"],
        )
        self.card.add_control(self.way)
        self.plot.module_chosen.connect(self.desk.select)
        self.row.addWidget(self.card)

    def draw(self) -> None:
        """Draw the proposal for the present k."""
        spectra = self.desk.spectra
        assert spectra is not None
        now = {module.name: len(module.singular_values) for module in spectra.modules}
        costs = {module.name: sum(module.shape) for module in spectra.modules}
        if self._proposals is None or self._proposals.spectra is not spectra:
            self._proposals = Proposals(spectra)
        proposed = self._proposals.ranks(self.way.value, self.desk.k)
        self.plot.show_ranks(now, proposed, costs)
        self.card.caption.set_full_text(f"k = {self.desk.k}: {self.plot.summary}")
        if self.desk.module is not None:
            self.plot.select(self.desk.module.name)

    def move_k(self) -> None:
        """Propose for another k."""
        self.draw()


class Proposals:
    """Ranks by module that have about the parameters of k directions everywhere."""

    def __init__(self, spectra: AdapterSpectra) -> None:
        self.spectra = spectra
        self._sigma = {module.name: module.singular_values for module in spectra.modules}
        self._shapes = {module.name: module.shape for module in spectra.modules}
        self._energies = {name: values**2 for name, values in self._sigma.items()}
        self._ranking = Ranking(self._energies, self._shapes)
        self._same_energy = lru_cache(maxsize=None)(self._find_same_energy)

    def ranks(self, way: str, k: int) -> Mapping[str, int]:
        """Return the ranks of one of `OPTIONS`."""
        equal = {name: min(k, len(values)) for name, values in self._sigma.items()}
        if way == "uniform":
            return equal
        budget = parameters_of(equal, self._shapes)
        return self._ranking.ranks_within(budget) if way == "budget" else self._same_energy(budget)

    def _find_same_energy(self, budget: int) -> Mapping[str, int]:
        """Return the largest share of energy, the same in every module, that fits."""
        low, high = 0.0, 1.0
        for _ in range(12):  # the share is found to 0.0003, far below one direction of one module
            middle = (low + high) / 2
            ranks = ranks_of(by_energy(self._energies, middle))
            fits = parameters_of(ranks, self._shapes) <= budget
            low, high = (middle, high) if fits else (low, middle)
        return (
            ranks_of(by_energy(self._energies, low)) if low > 0 else dict.fromkeys(self._sigma, 0)
        )
