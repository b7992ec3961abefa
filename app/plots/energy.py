"""The cumulative energy: how much of ΔW the first k directions hold."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt

from app.plots.scree import exact
from app.plots.spectrum_plot import Floats, SpectrumPlot
from app.style.theme import Theme, font
from core.ranks import ModuleSpectrum
from core.ranks.metrics import cumulative_energy, truncation_error

TOP = 1.06
"""Upper end of the axis: a little room above 100 %."""


class EnergyPlot(SpectrumPlot):
    """Σ_{i≤k} σ_i² / Σσ² over k, with the k for 90, 95 and 99 %."""

    grip_at = 0.09

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Cumulative energy")
        self._label: pg.TextItem | None = None

    @property
    def first_k(self) -> int:
        """Nothing kept is a choice here."""
        return 0

    def redraw(self) -> None:
        """Forget the label of the last picture first."""
        self._label = None
        super().redraw()

    def draw(self, module: ModuleSpectrum) -> None:
        """Draw the curve from nothing to everything, the null band and the three marks."""
        size = len(module.singular_values)
        k = np.arange(size + 1.0)
        low, high = module.null.energy
        self.set_ranges((0, size), (0, TOP))
        self.ticks("left", [(0, "0"), (0.5, "50 %"), (1, "100 %")])
        self.ticks("bottom", self.component_ticks())
        self.band(k, _from_zero(low), _from_zero(high))
        self._draw_marks(module, size)
        energy = _from_zero(cumulative_energy(module.singular_values))
        self.curve(k, energy, "line_orange", markers=True)
        ground = pg.mkBrush(self._theme.color("surface"))
        self._label = pg.TextItem(color=self._theme.color("text"), fill=ground)
        self._label.setFont(font("chip"))
        self.plot.addItem(self._label, ignoreBounds=True)

    def _draw_marks(self, module: ModuleSpectrum, size: int) -> None:
        """Draw 90, 95 and 99 % as dashes up to their k, and say those k in the free corner."""
        dashed = pg.mkPen(self._theme.color("text_3"), width=1, style=Qt.PenStyle.DashLine)
        for index, (share, k) in enumerate(module.energy_rank.items()):
            level = float(share)
            self.plot.addItem(pg.PlotCurveItem([0, k], [level, level], pen=dashed))
            words = pg.TextItem(
                f"{level:.0%}".replace("%", " %") + f" at k = {k}",
                color=self._theme.color("text_2"),
                anchor=(1, 0.5),
            )
            words.setFont(font("caption"))
            words.setPos(size, 0.54 - 0.1 * index)
            self.plot.addItem(words, ignoreBounds=True)

    def _place_line(self) -> None:
        super()._place_line()
        if self._label is None or self.module is None:
            return
        left = self.k < 0.55 * self.last_k
        self._label.setAnchor((0 if left else 1, 0.5))
        self._label.setText(f"k = {self.k}: error {self.error:.1%}".replace("%", " %"))
        self._label.setPos(self.k + (0.025 if left else -0.025) * self.last_k, self.grip_at * TOP)

    @property
    def error(self) -> float:
        """‖ΔW − ΔW_k‖/‖ΔW‖ of the module at k."""
        assert self.module is not None
        return float(truncation_error(self.module.singular_values)[self.k])

    def describe(self, module: ModuleSpectrum) -> str:
        """Return the three marks and what k keeps."""
        marks = ", ".join(f"{float(s):.0%} at {k}" for s, k in module.energy_rank.items())
        return f"{marks}. {self.k} directions leave an error of {self.error:.1%}."

    def rows(self) -> list[tuple[str, ...]]:
        """Return k, the energy kept, the error and the ends of the null."""
        head = ("k", "energy", "relative_error", "random_5_percent", "random_95_percent")
        if self.module is None:
            return [head]
        low, high = self.module.null.energy
        columns = (
            _from_zero(cumulative_energy(self.module.singular_values)),
            truncation_error(self.module.singular_values),
            _from_zero(low),
            _from_zero(high),
        )
        numbers = zip(*columns, strict=True)
        return [head, *((str(k), *map(exact, row)) for k, row in enumerate(numbers))]


def _from_zero(cumulative: Floats) -> Floats:
    return np.concatenate([[0.0], cumulative])
