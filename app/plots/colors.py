"""The sequential colour map of the heat maps: viridis, the same in light and dark.

Seventeen stations of the map (van der Walt and Smith, CC0) with straight lines between them, so
that a heat map needs no plotting library before the first curve is shown.
"""

from PySide6.QtGui import QColor

_VIRIDIS = (
    (68, 1, 84), (72, 23, 105), (71, 44, 122), (66, 63, 133), (59, 81, 139), (51, 98, 141),
    (44, 113, 142), (38, 129, 142), (33, 144, 140), (31, 159, 136), (39, 173, 128),
    (61, 188, 115), (92, 200, 98), (129, 211, 76), (170, 220, 49), (213, 226, 25), (253, 231, 37),
)  # fmt: skip


def viridis(share: float) -> QColor:
    """Return the colour at `share` between 0 and 1; beyond the ends it stays."""
    place = min(max(share, 0.0), 1.0) * (len(_VIRIDIS) - 1)
    index = min(int(place), len(_VIRIDIS) - 2)
    part = place - index
    low, high = _VIRIDIS[index], _VIRIDIS[index + 1]
    return QColor(*(round(a + (b - a) * part) for a, b in zip(low, high, strict=True)))


def share_of(value: float, low: float, high: float) -> float:
    """Return where `value` lies between `low` and `high`; the middle if they are the same."""
    return (value - low) / (high - low) if high > low else 0.5
