"""The scree plot: singular values on a log axis, against those of a random update."""

from math import log10
from typing import Any, Literal

import numpy as np
import pyqtgraph as pg

from app.plots.plot import Floats, Row
from app.plots.spectrum_plot import SpectrumPlot
from app.plots.ticks import exact, log_ticks
from app.style.theme import Theme
from core.ranks import ModuleSpectrum

DEEPEST = 1e-12
"""Below this share of σ₁ there is only rounding, which the axis leaves out."""

SHOWN = 1e-3
"""Functional values are shown down to this share of the first."""


Unit = Literal["own", "first", "base"]


class ScreePlot(SpectrumPlot):
    """σ_i over i, as they are, or in units of another length.

    Attributes:
        base_norm: ‖W₀‖ of the module, 0 where it is not known.
        functional: σ(ΔW·C^½) of the module on the user's own rows, or None; drawn from σ₁ down,
            since its unit is another one.
    """

    grip_at = 0.1

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Singular values")
        self.functional: Floats | None = None
        self._unit: Unit = "own"
        self.base_norm = 0.0
        self._functional = pg.PlotCurveItem(antialias=True)
        self._floor = pg.InfiniteLine(angle=0, movable=False)
        self.add(self._functional, self._floor)
        self.restyle()

    def set_unit(self, unit: Unit) -> None:
        """Draw σ as it is, over σ₁, or over ‖W₀‖, so that modules of other size can be compared."""
        self._unit = unit
        self.redraw()

    def _length(self, module: ModuleSpectrum) -> float:
        """Return what σ is divided by."""
        if self._unit == "base":
            return self.base_norm or 1.0
        return module.scalars["spectral"] if self._unit == "first" else 1.0

    def draw(self, module: ModuleSpectrum) -> None:
        """Draw σ, its null band and the floor of the numbers, in log10."""
        unit = self._length(module)
        sigma = module.singular_values / unit
        low, high = (curve / unit for curve in module.null.singular_values)
        components = np.arange(1.0, len(sigma) + 1)
        # Zeros have no logarithm; the floor keeps what is only rounding out of the picture.
        least = max(sigma[sigma > 0].min(), sigma[0] * DEEPEST)
        lowest = min(least, low[-1], self._lowest_functional(sigma[0]))
        bottom, top = log10(lowest), log10(max(sigma[0], high[0]))
        margin = 0.06 * (top - bottom) + 0.02
        self.set_ranges((1, len(sigma)), (bottom - margin, top + margin))
        self.ticks("left", log_ticks(bottom - margin, top + margin))
        self.band(components, np.log10(low), np.log10(high))
        shown = sigma >= least
        self.curve(components[shown], np.log10(sigma[shown]))
        self._draw_floor(module, unit)
        self._draw_functional(sigma[0], 10.0 ** (bottom - margin))

    def _draw_floor(self, module: ModuleSpectrum, unit: float) -> None:
        """Draw where rounding begins, if the spectrum falls that far."""
        reached = module.numerical_rank < len(module.singular_values)
        self._floor.setVisible(reached)
        if reached:
            self._floor.setPos(log10(module.smallest / unit))

    def _lowest_functional(self, top: float) -> float:
        """Return down to where the functional values are shown: a thousandth of the first one."""
        line = self.functional
        if line is None or not line[0] > 0:
            return top
        return float(max(line.min() / line[0], SHOWN) * top)

    def _draw_functional(self, top: float, bottom: float) -> None:
        line = self.functional
        self._functional.setVisible(line is not None and bool(line[0] > 0))
        if line is not None and line[0] > 0:
            scaled = np.maximum(line * (top / line[0]), bottom)
            self._functional.setData(np.arange(1.0, len(line) + 1), np.log10(scaled))

    def drawn_items(self) -> list[Any]:
        """Return everything that a zero spectrum does not have."""
        return [*super().drawn_items(), self._functional, self._floor]

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        self._functional.setPen(self.pen("line_plum"))
        self._floor.setPen(pg.mkPen(self._theme.color("text_3"), width=1, dash=[4, 4]))

    def words_at(self, x: float, y: float) -> str:
        """Name the component and what chance would give it."""
        index = round(x) - 1
        if self.module is None or not 0 <= index < len(self.module.singular_values):
            return ""
        low, high = (curve[index] for curve in self.module.null.singular_values)
        return (
            f"σ{index + 1} = {self.module.singular_values[index]:.3g}, "
            f"if random {low:.3g} to {high:.3g}"
        )

    def describe(self, module: ModuleSpectrum) -> str:
        """Return the largest, the last and the one at k."""
        sigma = module.singular_values
        return (
            f"{len(sigma)} singular values from {sigma[0]:.3g} down to {sigma[-1]:.3g}; "
            f"number {self.k} is {sigma[max(self.k, 1) - 1]:.3g}."
        )

    def rows(self) -> list[Row]:
        """Return component, σ, the ends of the null, and the functional values if there are any."""
        head: Row = ("component", "sigma", "random_5_percent", "random_95_percent")
        if self.module is None:
            return [head]
        columns = [self.module.singular_values, *self.module.null.singular_values]
        if self.functional is not None:
            head, columns = (*head, "functional_sigma"), [*columns, self.functional]
        numbers = zip(*columns, strict=True)
        return [head, *((str(i), *map(exact, row)) for i, row in enumerate(numbers, 1))]
