"""Rank allocation: what every module has now against what is proposed, the largest saving first."""

from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal

from app.plots.plot import Plot, Row
from app.plots.ticks import even_ticks
from app.style.theme import Theme
from app.words import compact


class AllocationPlot(Plot):
    """Two steps per module, the proposed rank in front of the present one.

    Signals:
        module_chosen: (str) The user asks for the module of a bar.
    """

    module_chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Rank per module")
        self._now: Mapping[str, int] = {}
        self._proposed: Mapping[str, int] = {}
        self._costs: Mapping[str, int] = {}
        self._names: list[str] = []
        self._selected = ""
        self._before, self._after = (pg.PlotCurveItem(fillLevel=0) for _ in range(2))
        self._mark = pg.ScatterPlotItem(symbol="t", size=10)
        self.add(self._before, self._after, self._mark)
        self.restyle()

    def show_ranks(
        self, now: Mapping[str, int], proposed: Mapping[str, int], costs: Mapping[str, int]
    ) -> None:
        """Draw ranks by module; `costs` are the parameters m + n of one direction."""
        same = now == self._now and bool(self._names)
        self._now, self._proposed, self._costs = now, proposed, costs
        # sorted by the proposal, and in the order of the layers where it is the same
        self._names = sorted(now, key=lambda name: -proposed[name])
        if same:
            self._draw_bars()
        else:
            self.redraw()

    def select(self, name: str) -> None:
        """Mark a module."""
        self._selected = name
        place = self._names.index(name) if name in self._names else None
        self._mark.setVisible(place is not None)
        if place is not None:
            height = max(self._now[name], self._proposed[name])
            self._mark.setData([place + 0.5], [height + 0.04 * self.limits[1]])

    def redraw(self) -> None:
        """Draw all bars."""
        if not self._names:
            return
        count, top = len(self._names), max(*self._now.values(), 1)
        self.set_ranges((0, count), (0, 1.1 * top))
        self.ticks("left", even_ticks(0, top, 4))
        self.ticks("bottom", even_ticks(0, count, 5))
        self._draw_bars()

    def _draw_bars(self) -> None:
        """Draw the bars as two outlines: one path each, however many modules there are."""
        for outline, ranks in ((self._before, self._now), (self._after, self._proposed)):
            heights = np.array([ranks[name] for name in self._names], float)
            outline.setData(np.arange(len(heights) + 1.0), heights, stepMode="center")
        self.select(self._selected)
        self.setAccessibleDescription(f"{len(self._names)} modules. {self.summary}")

    @property
    def summary(self) -> str:
        """Parameters now and as proposed."""
        now, proposed = (
            sum(ranks[name] * self._costs[name] for name in self._names)
            for ranks in (self._now, self._proposed)
        )
        return f"{compact(now)} → {compact(proposed)} parameters ({proposed / max(now, 1):.0%})"

    def press(self, x: float, y: float) -> None:
        """Go to the module under the pointer."""
        if 0 <= x < len(self._names):
            self.module_chosen.emit(self._names[int(x)])

    def words_at(self, x: float, y: float) -> str:
        """Name the module with both ranks."""
        if not 0 <= x < len(self._names):
            return ""
        name = self._names[int(x)]
        return f"{name}: {self._now[name]} → {self._proposed[name]}"

    def rows(self) -> list[Row]:
        """Return both ranks by module."""
        table: list[Row] = [("module", "rank", "proposed", "parameters_per_direction")]
        for name in self._names:
            numbers = (self._now[name], self._proposed[name], self._costs[name])
            table.append((name, *map(str, numbers)))
        return table

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        for outline, token in ((self._before, "track"), (self._after, "learned")):
            outline.setBrush(self._theme.color(token))
            outline.setPen(pg.mkPen(None))
        self._mark.setBrush(self._theme.color("accent"))
        self._mark.setPen(pg.mkPen(None))
