"""A number of many modules over the steps: its median as a line, the middle half as a band."""

import numpy as np
import pyqtgraph as pg

from app.plots.plot import Floats, Plot


class MedianBand:
    """Median, quartiles and the selected module, in the colour of one token."""

    def __init__(self, plot: Plot, token: str) -> None:
        self._plot, self._token = plot, token
        self._edges = [pg.PlotCurveItem(connect="finite") for _ in range(2)]
        self._fill = pg.FillBetweenItem(*self._edges)
        self._median = pg.PlotCurveItem(antialias=True, connect="finite")
        self._module = pg.PlotCurveItem(antialias=True, connect="finite")
        plot.add(*self._edges, self._fill, self._median, self._module)

    def draw(self, steps: Floats, quartiles: Floats, module: Floats) -> None:
        """Draw (3, steps) quartiles and (steps,) of the selected module; NaN leaves a gap."""
        known = np.isfinite(quartiles).all(axis=0)
        for edge, values in zip(self._edges, (quartiles[0], quartiles[2]), strict=True):
            edge.setData(steps[known], values[known])
        self._median.setData(steps, quartiles[1])
        self._module.setData(steps, module)

    def restyle(self) -> None:
        """Take the colours of the theme."""
        self._median.setPen(self._plot.pen(self._token))
        self._module.setPen(self._plot.pen(self._token, 1))
        self._fill.setBrush(self._plot.faint(self._token, 0.2))
        for edge in self._edges:
            edge.setPen(pg.mkPen(None))

    def clear(self) -> None:
        """Draw nothing."""
        for item in (*self._edges, self._median, self._module):
            item.setData([], [])
