"""Spectrum: the two plots of the selected module, with one k for both."""

from math import sqrt
from typing import ClassVar

import numpy as np

from app.amounts import with_unit
from app.plots.energy import EnergyPlot
from app.plots.plot_card import PlotCard
from app.plots.scree import ScreePlot, Unit
from app.rank_views.base import RankView
from app.why import RANKS
from app.widgets.controls import Segmented
from app.widgets.legend import Key, Legend
from app.words import compact, percent
from core.ranks import AdapterSpectra
from core.ranks.metrics import Array

CHANCE = Key("random, 5 – 95 %", "band", "line_grey")
DATA = Key("on your data, from σ₁", "dashes", "line_plum")
BYTES_PER_NUMBER = {"F64": 8, "F32": 4, "BF16": 2, "F16": 2}


UNITS: list[tuple[Unit, str]] = [("own", "σ"), ("first", "σ/σ₁"), ("base", "σ/‖W₀‖")]
"""The last one is there once the adapter was measured beside its base."""


class SpectrumView(RankView):
    """Singular values at the left, cumulative energy at the right."""

    title: ClassVar[str] = "Spectrum"

    _lost_of: AdapterSpectra | None = None
    _lost: Array

    def build(self) -> None:
        """Make the two plots."""
        theme = self.context.theme
        self.scree, self.energy = ScreePlot(theme), EnergyPlot(theme)
        self.scree_card = PlotCard(
            self.scree,
            ("Singular values", "log", "component i"),
            Legend(Key("ΔW", "line", "line_orange"), CHANCE, theme=theme),
            theme=theme,
            why=RANKS["singular_values"],
        )
        self.unit = Segmented(UNITS, theme=theme, name="Unit of σ")
        self.unit.setProperty("compact", "true")
        self.unit.changed.connect(self._on_unit)
        self.scree_card.add_control(self.unit)
        self.energy_card = PlotCard(
            self.energy,
            ("Cumulative energy", "share of ΔW that k directions hold", "directions kept, k"),
            Legend(Key("kept", "line", "line_orange"), CHANCE, theme=theme),
            theme=theme,
            why=RANKS["energy_rank"],
        )
        for plot, card in ((self.scree, self.scree_card), (self.energy, self.energy_card)):
            self.row.addWidget(card, 1)
            plot.k_chosen.connect(self.desk.set_k)

    def draw(self) -> None:
        """Draw the module."""
        module = self.desk.module
        assert module is not None
        size = len(module.singular_values)
        use = self.evidence.use
        used = use.by_name.get(module.name) if use is not None else None
        base = self.evidence.base.by_name.get(module.name) if self.evidence.base else None
        self.unit.set_last(*UNITS[-1], shown=base is not None)
        if base is None and self.unit.value == "base":
            self.unit.set_value("own")
        self.scree.base_norm = base.base_norm if base is not None else 0.0
        self.scree.functional = used.functional if used is not None else None
        keys = (Key("ΔW", "line", "line_orange"), *([DATA] if used is not None else []), CHANCE)
        self.scree_card.legend.set_keys(*keys)
        self.scree.show_module(module, min(max(self.desk.k, 1), size))
        self.energy.show_module(module, min(self.desk.k, size))
        self._say()

    def move_k(self) -> None:
        """Move k in both plots."""
        if self.energy.module is not None:
            self.energy.set_k(min(self.desk.k, self.energy.last_k))
            self.scree.set_k(min(max(self.desk.k, 1), self.scree.last_k))
            self._say()

    def _say(self) -> None:
        """Say what keeping k directions in every module would leave of the adapter."""
        spectra, k = self.desk.spectra, self.desk.k
        assert spectra is not None
        numbers = sum(min(k, module.rank) * sum(module.shape) for module in spectra.modules)
        size = numbers * BYTES_PER_NUMBER.get(spectra.adapter.dtype, 4)
        self.energy_card.say(
            f"all modules at k = {k}: error {percent(self._error(k))}, "
            f"{compact(numbers)} parameters, {with_unit(size)}"
        )

    def _error(self, k: int) -> float:
        """Return ‖ΔW − ΔW_k‖/‖ΔW‖ over all modules; what follows from the spectra is kept."""
        spectra = self.desk.spectra
        assert spectra is not None
        if self._lost_of is not spectra:
            self._lost_of, size = spectra, self.desk.largest_k + 1
            self._lost = np.zeros(size)
            for module in spectra.modules:
                energies = module.singular_values**2
                self._lost[: len(energies)] += np.cumsum(energies[::-1])[::-1]
        whole = float(self._lost[0])
        return sqrt(float(self._lost[min(k, len(self._lost) - 1)]) / whole) if whole else 0.0

    def _on_unit(self, unit: Unit) -> None:
        self.scree.set_unit(unit)
