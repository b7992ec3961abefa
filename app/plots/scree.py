"""The scree plot: singular values on a log axis, against those of a random update."""

from math import ceil, floor, log10

import numpy as np

from app.plots.spectrum_plot import SpectrumPlot
from app.style.theme import Theme
from core.ranks import ModuleSpectrum

WIDE = 2.2
"""With more decades than this only the powers of ten are written."""


class ScreePlot(SpectrumPlot):
    """σ_i over i."""

    grip_at = 0.1

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Singular values")

    def draw(self, module: ModuleSpectrum) -> None:
        """Draw σ and its null band in log10."""
        sigma = module.singular_values
        low, high = module.null.singular_values
        components = np.arange(1.0, len(sigma) + 1)
        # Zeros have no logarithm; the floor keeps what is only rounding out of the picture.
        least = max(sigma[sigma > 0].min(), sigma[0] * 1e-12)
        bottom = log10(min(least, low[-1]))
        top = log10(max(sigma[0], high[0]))
        margin = 0.06 * (top - bottom) + 0.02
        self.set_ranges((1, len(sigma)), (bottom - margin, top + margin))
        self.ticks("left", log_ticks(bottom - margin, top + margin))
        self.band(components, np.log10(low), np.log10(high))
        shown = sigma >= least
        self.curve(components[shown], np.log10(sigma[shown]))

    def describe(self, module: ModuleSpectrum) -> str:
        """Return the largest, the last and the one at k."""
        sigma = module.singular_values
        return (
            f"{len(sigma)} singular values from {sigma[0]:.3g} down to {sigma[-1]:.3g}; "
            f"number {self.k} is {sigma[self.k - 1]:.3g}."
        )

    def rows(self) -> list[tuple[str, ...]]:
        """Return component, σ and the ends of the null."""
        head = ("component", "sigma", "random_5_percent", "random_95_percent")
        if self.module is None:
            return [head]
        columns = (self.module.singular_values, *self.module.null.singular_values)
        numbers = zip(*columns, strict=True)
        return [head, *((str(i), *map(exact, row)) for i, row in enumerate(numbers, 1))]


def log_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return ticks for a log10 axis: powers of ten, on a short one with 2 and 5 between."""
    factors = (1,) if high - low > WIDE else (1, 2, 5)
    every = max(1, ceil((high - low) / 6))
    marks = [
        (log10(factor) + decade, f"{factor * 10.0**decade:.4g}")
        for decade in range(floor(low), ceil(high) + 1)
        if decade % every == 0
        for factor in factors
    ]
    inside = [(place, text) for place, text in marks if low <= place <= high]
    if len(inside) >= 2:
        return inside
    values = np.linspace(10.0**low, 10.0**high, 4)
    return [(log10(value), f"{value:.3g}") for value in values]


def exact(value: float) -> str:
    """Return the shortest text that reads back as the same number."""
    return repr(float(value))
