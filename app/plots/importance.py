"""Importance: how large each component is against how much the loss would feel a change of it."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal

from app.plots.plot import Floats, Plot, Row
from app.plots.ticks import exact, log_ticks
from app.style.theme import Theme
from core.ranks.functional import FunctionalSpectra, FunctionalSpectrum

SMALLEST, LARGEST = 5.0, 16.0
"""Diameters of points in pixels: from no use by the data to the most in the module."""
CLEAR = 2.0
"""A sensitivity is told from zero when it is so many standard errors away."""


class ImportancePlot(Plot):
    """|g_k| over σ_k; the selected module in orange, all others behind it.

    Signals:
        module_chosen: (str) The user asks for the module of a point.
    """

    module_chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Size against sensitivity")
        self._use: FunctionalSpectra | None = None
        self._name = ""
        self._owners: list[tuple[str, int]] = []
        self._places = np.zeros((0, 2))
        self._others = pg.ScatterPlotItem(pen=None, size=4)
        self._clear = pg.ScatterPlotItem(symbol="o")
        self._unsure = pg.ScatterPlotItem(symbol="o")
        self.add(self._others, self._unsure, self._clear)
        self.restyle()

    def show_use(self, use: FunctionalSpectra, name: str) -> None:
        """Draw all components, those of one module in front."""
        self._use, self._name = use, name
        self.redraw()

    def redraw(self) -> None:
        """Draw the points."""
        use = self._use
        if use is None:
            return
        placed = [(module, _places(module)) for module in use.modules]
        self._places = np.concatenate([places for _, places in placed])
        self._owners = [(m.name, i) for m, places in placed for i in range(len(places))]
        seen = np.isfinite(self._places).all(axis=1)
        if not seen.any():
            self.say_nothing("No component has changed yet.")
            return
        self.hide_nothing()
        x, y = self._places[seen].T
        self.set_ranges((x.min(), x.max()), (np.quantile(y, 0.01) - 0.2, y.max() + 0.2))
        self.ticks("bottom", log_ticks(x.min(), x.max()))
        self.ticks("left", log_ticks(*self.limits))
        self._others.setData(x, y)
        module = use.by_name.get(self._name)
        for scatter in (self._clear, self._unsure):
            scatter.setData([], [])
        if module is not None:
            self._draw_module(module)
            self.setAccessibleDescription(
                f"{len(module.sigma)} components of {module.name}; the loss feels number "
                f"{int(np.argmax(np.abs(module.sensitivity))) + 1} the most."
            )

    def _draw_module(self, module: FunctionalSpectrum) -> None:
        places = _places(module)
        seen = np.isfinite(places).all(axis=1)
        top = max(float(module.energies.max()), 1e-300)
        sizes = SMALLEST + (LARGEST - SMALLEST) * np.sqrt(module.energies / top)
        clear = np.abs(module.sensitivity) >= CLEAR * module.sensitivity_error
        for scatter, chosen in ((self._clear, seen & clear), (self._unsure, seen & ~clear)):
            scatter.setData(places[chosen, 0], places[chosen, 1], size=sizes[chosen])

    def press(self, x: float, y: float) -> None:
        """Go to the module of the nearest point."""
        nearest = self._nearest(x, y)
        if nearest is not None:
            self.module_chosen.emit(nearest[0])

    def words_at(self, x: float, y: float) -> str:
        """Name the nearest component with its numbers."""
        nearest = self._nearest(x, y)
        if nearest is None or self._use is None:
            return ""
        module, index = self._use.by_name[nearest[0]], nearest[1]
        return (
            f"{module.name}, component {index + 1}: σ {module.sigma[index]:.3g}, "
            f"g {module.sensitivity[index]:+.2g} ± {module.sensitivity_error[index]:.1g}"
        )

    def _nearest(self, x: float, y: float) -> tuple[str, int] | None:
        if not np.isfinite(self._places).all(axis=1).any():
            return None
        ranges = self.plot.getViewBox().viewRange()
        spans = np.array([high - low for low, high in ranges])
        distances = (((self._places - (x, y)) / spans) ** 2).sum(axis=1)
        return self._owners[int(np.nanargmin(np.where(np.isfinite(distances), distances, np.inf)))]

    def rows(self) -> list[Row]:
        """Return every component of every module."""
        table: list[Row] = [
            ("module", "component", "sigma", "functional_energy", "sensitivity", "standard_error")
        ]
        for module in self._use.modules if self._use is not None else ():
            columns = (module.sigma, module.energies, module.sensitivity, module.sensitivity_error)
            for index, row in enumerate(zip(*columns, strict=True), 1):
                table.append((module.name, str(index), *map(exact, row)))
        return table

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        self._others.setBrush(self.faint("line_grey", 0.35))
        self._clear.setBrush(self._theme.color("line_orange"))
        self._clear.setPen(pg.mkPen(self._theme.color("surface"), width=1))
        self._unsure.setBrush(pg.mkBrush(self._theme.color("surface")))
        self._unsure.setPen(pg.mkPen(self._theme.color("line_orange"), width=1.5))


def _places(module: FunctionalSpectrum) -> Floats:
    """Return log10 of σ and |g|, (q, 2); NaN where one of them is zero."""
    both = np.stack([module.sigma, np.abs(module.sensitivity)], axis=1)
    return np.log10(np.where(both > 0, both, np.nan))
