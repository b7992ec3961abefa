"""The two plots of the selected module's spectrum, with one k for both."""

from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.amounts import with_unit
from app.plots.energy import EnergyPlot
from app.plots.plot_card import PlotCard
from app.plots.scree import ScreePlot
from app.style.theme import Theme
from app.why import RANKS
from app.widgets.legend import Key, Legend
from app.words import compact
from core.ranks import AdapterSpectra, ModuleSpectrum

BYTES_PER_NUMBER = {"F64": 8, "F32": 4, "BF16": 2, "F16": 2}


class RankCurves(QWidget):
    """Singular values at the left, cumulative energy at the right."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.k = 1
        self._spectra: AdapterSpectra | None = None
        self.scree, self.energy = ScreePlot(theme), EnergyPlot(theme)
        band = Key("random, 5 – 95 %", "band", "line_grey")
        self.scree_card = PlotCard(
            self.scree,
            ("Singular values", "σ of ΔW, log", "component i"),
            Legend(Key("ΔW", "line", "line_orange"), band, theme=theme),
            theme=theme,
        )
        self.energy_card = PlotCard(
            self.energy,
            ("Cumulative energy", "share of ΔW that k directions hold", "directions kept, k"),
            Legend(Key("kept", "line", "line_orange"), band, theme=theme),
            theme=theme,
        )
        self.scree_card.explain(RANKS["singular_values"])
        self.energy_card.explain(RANKS["energy_rank"])
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        for card in (self.scree_card, self.energy_card):
            card.setMinimumHeight(220)
            layout.addWidget(card, 1)
            card.plot.k_chosen.connect(self.set_k)

    def show_module(self, module: ModuleSpectrum, spectra: AdapterSpectra) -> None:
        """Draw another module; k keeps its place, and starts where 95 % are kept."""
        fresh = self._spectra is None or not self._spectra.trained
        self._spectra = spectra
        if fresh and module.trained:
            self.k = module.energy_rank["0.95"]
        self.k = min(max(self.k, 1), len(module.singular_values))
        self.scree.show_module(module, self.k)
        self.energy.show_module(module, self.k)
        self._say()

    def set_k(self, k: int) -> None:
        """Move k in both plots."""
        if self.energy.module is None:
            return
        self.k = min(max(k, self.energy.first_k), self.energy.last_k)
        self.energy.set_k(self.k)
        self.scree.set_k(max(self.k, 1))
        self._say()

    def _say(self) -> None:
        """Say what keeping k directions in every module would leave of the adapter."""
        if self._spectra is None:
            return
        numbers = sum(min(self.k, m.rank) * sum(m.shape) for m in self._spectra.modules)
        size = numbers * BYTES_PER_NUMBER.get(self._spectra.adapter.dtype, 4)
        self.energy_card.read_out.set_full_text(
            f"all modules at k = {self.k}: {compact(numbers)} parameters, {with_unit(size)}"
        )
