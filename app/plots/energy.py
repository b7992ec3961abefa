"""The cumulative energy: how much of ΔW the first k directions hold."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent

from app.plots.plot import Floats, Row
from app.plots.spectrum_plot import SpectrumPlot
from app.plots.ticks import exact
from app.style.theme import Theme, font
from core.ranks import ModuleSpectrum
from core.ranks.metrics import ENERGY_SHARES, cumulative_energy, truncation_error

TOP = 1.06
"""Upper end of the axis: a little room above 100 %."""


class EnergyPlot(SpectrumPlot):
    """Σ_{i≤k} σ_i² / Σσ² over k, with the k for 90, 95 and 99 %."""

    grip_at = 0.09

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Cumulative energy")
        self._label = pg.TextItem()
        self._dashes = [pg.PlotCurveItem() for _ in ENERGY_SHARES]
        self._marks = [pg.TextItem(anchor=(1, 0.5)) for _ in ENERGY_SHARES]
        self.add(*self._dashes, *self._marks, self._label)
        self.restyle()

    @property
    def first_k(self) -> int:
        """Nothing kept is a choice here."""
        return 0

    def draw(self, module: ModuleSpectrum) -> None:
        """Draw the curve from nothing to everything, the null band and the three marks."""
        size = len(module.singular_values)
        k = np.arange(size + 1.0)
        low, high = module.null.energy
        self.set_ranges((0, size), (0, TOP))
        self.ticks("left", [(0, "0"), (0.5, "50 %"), (1, "100 %")])
        self.band(k, _from_zero(low), _from_zero(high))
        self.curve(k, _from_zero(cumulative_energy(module.singular_values)))
        self._draw_marks(module, size)

    def _draw_marks(self, module: ModuleSpectrum, size: int) -> None:
        """Draw 90, 95 and 99 % as dashes up to their k, and say those k in the free corner."""
        for index, share in enumerate(ENERGY_SHARES):
            k = module.energy_rank[f"{share:.2f}"]
            self._dashes[index].setData([0, k], [share, share])
            self._marks[index].setText(f"{100 * share:.0f} % at k = {k}")
            self._marks[index].setPos(size, self._highest_mark - self._line_height * index)

    @property
    def _highest_mark(self) -> float:
        """Where the marks begin: the lowest of them stays above the words at the grip."""
        above_grip = self.grip_at * TOP + self._line_height
        return max(0.54, above_grip + self._line_height * (len(ENERGY_SHARES) - 1))

    @property
    def _line_height(self) -> float:
        """A line of text as a part of the axis, so that the marks never touch each other."""
        return float(max(0.1, 17 * TOP / max(self.plot.getViewBox().height(), 60)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the marks apart at any height."""
        super().resizeEvent(event)
        self.redraw()

    def drawn_items(self) -> list[Any]:
        """Return everything that a zero spectrum does not have."""
        return [*super().drawn_items(), *self._dashes, *self._marks, self._label]

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        dashed = pg.mkPen(self._theme.color("text_3"), width=1, style=Qt.PenStyle.DashLine)
        for dash, mark in zip(self._dashes, self._marks, strict=True):
            dash.setPen(dashed)
            mark.setColor(self._theme.color("text_2"))
            mark.setFont(font("caption"))
        self._label.setColor(self._theme.color("text"))
        self._label.fill = pg.mkBrush(self._theme.color("surface"))
        self._label.setFont(font("chip"))

    def _place_line(self) -> None:
        super()._place_line()
        if self.module is None:
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

    def rows(self) -> list[Row]:
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
