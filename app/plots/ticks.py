"""Where the ticks of an axis stand, and how its numbers are written."""

from math import ceil, floor, log10

import numpy as np

Mark = tuple[float, str]

WIDE = 2.2
"""With more decades than this only the powers of ten are written."""


def log_ticks(low: float, high: float) -> list[Mark]:
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


def even_ticks(low: float, high: float, most: int = 5) -> list[Mark]:
    """Return up to `most` + 1 round ticks of a linear axis."""
    if not high > low:
        return [(low, f"{low:.3g}")]
    rough = (high - low) / most
    unit = 10.0 ** floor(log10(rough))
    step = unit * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * unit >= rough)
    first = ceil(low / step - 1e-9)
    places = [step * index for index in range(first, floor(high / step + 1e-9) + 1)]
    return [(place, f"{round(place, 12):,.6g}".replace("-", "−")) for place in places]


def count_ticks(first: int, last: int) -> list[Mark]:
    """Return three to six round ticks over whole numbers, with both ends."""
    steps = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)
    step = next((step for step in steps if step * 5 >= last), last)
    inner = [k for k in range(step, last, step) if last - k > step / 2]
    return [(k, str(k)) for k in dict.fromkeys([first, *inner, last])]


def exact(value: float) -> str:
    """Return the shortest text that reads back as the same number."""
    return repr(float(value))
