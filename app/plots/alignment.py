"""Where ΔW lives in W₀: the share of its energy in the strongest directions of the base weights."""

import numpy as np
import pyqtgraph as pg

from app.plots.plot import Plot, Row
from app.plots.ticks import exact, log_ticks
from app.style.theme import Theme
from core.ranks.against_base import AgainstBase


class AlignmentPlot(Plot):
    """Share of ‖ΔW‖² in the first j singular vectors of W₀, on both sides, against chance."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "ΔW within the base weights")
        self._against: AgainstBase | None = None
        self._outputs, self._inputs, self._diagonal = (
            pg.PlotCurveItem(antialias=True) for _ in range(3)
        )
        self._chance = [pg.PlotCurveItem(antialias=True) for _ in range(2)]
        self.add(*self._chance, self._outputs, self._inputs, self._diagonal)
        self.restyle()

    def show_module(self, against: AgainstBase | None) -> None:
        """Draw one module, None where it was not measured."""
        self._against = against
        self.redraw()

    def redraw(self) -> None:
        """Draw the curves, or say why there are none."""
        against = self._against
        drawn = against is not None and against.rank > 0
        for item in (self._outputs, self._inputs, self._diagonal, *self._chance):
            item.setVisible(drawn)
        if against is None or not drawn:
            self.say_nothing("This module has not changed." if against else "Not measured.")
            return
        self.hide_nothing()
        j = np.arange(1.0, len(against.outputs) + 1)
        x = np.log10(j)
        top = max(float(against.outputs[-1]), float(against.inputs[-1]), 0.05)
        self.set_ranges((0, max(float(x[-1]), 0.1)), (0, min(1.06 * top, 1.03)))
        self.ticks("bottom", log_ticks(0, max(float(x[-1]), 0.1)))
        step = 0.25 if top > 0.5 else 0.1 if top > 0.2 else 0.05 if top > 0.1 else 0.02
        shares = np.arange(0, top + 1e-9, step)
        self.ticks("left", [(share, f"{100 * share:.0f} %") for share in shares])
        self._outputs.setData(x, against.outputs)
        self._inputs.setData(x, against.inputs)
        self._diagonal.setData(x, against.reweighted)
        for curve, size in zip(self._chance, against.shape, strict=True):
            curve.setData(x, j / size)
        self.setAccessibleDescription(
            f"The first {len(j)} directions of the base hold {against.outputs[-1]:.1%} of the "
            f"change at the outputs and {against.inputs[-1]:.1%} at the inputs; by chance "
            f"{len(j) / against.shape[0]:.1%} and {len(j) / against.shape[1]:.1%}."
        )

    def words_at(self, x: float, y: float) -> str:
        """Say what the first j directions hold."""
        against = self._against
        j = round(10.0**x)
        if against is None or not 1 <= j <= len(against.outputs):
            return ""
        return (
            f"first {j} of W₀: outputs {against.outputs[j - 1]:.1%} (chance "
            f"{j / against.shape[0]:.1%}), inputs {against.inputs[j - 1]:.1%}"
        ).replace("%", " %")

    def rows(self) -> list[Row]:
        """Return the shares by j."""
        head = ("base_direction", "outputs", "inputs", "reweighted", "chance_out", "chance_in")
        against = self._against
        if against is None:
            return [head]
        table = zip(against.outputs, against.inputs, against.reweighted, strict=True)
        sizes = against.shape
        return [
            head,
            *(
                (str(j), *map(exact, (*row, j / sizes[0], j / sizes[1])))
                for j, row in enumerate(table, 1)
            ),
        ]

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        self._outputs.setPen(self.pen("line_orange"))
        self._inputs.setPen(self.pen("line_blue"))
        self._diagonal.setPen(self.pen("line_plum"))
        for curve in self._chance:
            curve.setPen(pg.mkPen(self._theme.color("line_grey"), width=1, dash=[4, 4]))
