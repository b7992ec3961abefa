"""A min/max pyramid: any number of points drawn as at most two per pixel column, exactly.

Level k holds the minimum and maximum of every 2^k points, so that the extremes of any stretch of
the series are found from O(log n) nodes. Appending is amortised O(1), a picture costs
O(pixels · log n) however long the series is, and no spike is ever hidden: not the newest point,
not one beside a NaN.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


class _Growing:
    """A float array that doubles its room when it is full."""

    def __init__(self) -> None:
        self._room = np.empty(64)
        self.size = 0

    def extend(self, values: Floats) -> None:
        needed = self.size + len(values)
        if needed > len(self._room):
            room = np.empty(max(needed, 2 * len(self._room)))
            room[: self.size] = self._room[: self.size]
            self._room = room
        self._room[self.size : needed] = values
        self.size = needed

    @property
    def values(self) -> Floats:
        return self._room[: self.size]


class Pyramid:
    """The extremes of a growing series y over a growing x that never falls.

    Infinite values count as NaN: they would flatten everything else.
    """

    def __init__(self) -> None:
        self._x = _Growing()
        self._low = [_Growing()]
        self._high = [_Growing()]

    def __len__(self) -> int:
        return self._x.size

    @property
    def newest(self) -> float:
        """The newest y; NaN if it was not finite, or there is none."""
        return float(self._low[0].values[-1]) if len(self) else float("nan")

    def append(self, x: float, y: float) -> None:
        """Add one point."""
        self.extend(np.array([x]), np.array([y]))

    def extend(self, x: Floats, y: Floats) -> None:
        """Add points; O(number of new points), amortised."""
        self._x.extend(np.asarray(x, float))
        clean = np.where(np.isfinite(y), y, np.nan)
        self._low[0].extend(clean)
        self._high[0].extend(clean)
        self._grow(self._low, np.fmin)
        self._grow(self._high, np.fmax)

    def cut(self, size: int) -> None:
        """Forget everything after the first `size` points."""
        self._x.size = min(self._x.size, size)
        for levels in (self._low, self._high):
            for level, nodes in enumerate(levels):
                nodes.size = min(nodes.size, size >> level)

    @staticmethod
    def _grow(levels: list[_Growing], extreme: np.ufunc) -> None:
        level = 1
        while (wanted := levels[level - 1].size // 2) > 0:
            if level == len(levels):
                levels.append(_Growing())
            have, below = levels[level].size, levels[level - 1].values
            if wanted <= have:
                return
            pairs = below[2 * have : 2 * wanted]
            levels[level].extend(extreme(pairs[0::2], pairs[1::2]))
            level += 1

    def extremes(self, starts: Integers, ends: Integers) -> tuple[Floats, Floats]:
        """Return minimum and maximum of y[start:end] for every pair; NaN where nothing is finite.

        Walks up the levels and takes at each the odd node at either end, as a segment tree does.
        """
        low, high = np.full(len(starts), np.nan), np.full(len(starts), np.nan)
        left, right = starts.copy(), ends.copy()
        level = 0
        while (left < right).any():
            inside = left < right
            at_left = inside & (left & 1 == 1)
            self._take(level, at_left, left, (low, high))
            left = left + at_left
            at_right = (left < right) & (right & 1 == 1)
            right = right - at_right
            self._take(level, at_right, right, (low, high))
            left, right, level = left >> 1, right >> 1, level + 1
        return low, high

    def _take(
        self, level: int, where: NDArray[np.bool_], node: Integers, into: tuple[Floats, Floats]
    ) -> None:
        if where.any():
            low, high = into
            low[where] = np.fmin(low[where], self._low[level].values[node[where]])
            high[where] = np.fmax(high[where], self._high[level].values[node[where]])

    def view(self, x0: float, x1: float, pixels: int) -> tuple[Floats, Floats]:
        """Return the line to draw between x0 and x1: at most two points per pixel column.

        One point beyond either edge is included, so that the line enters and leaves the picture.
        Where there are no more points than columns, they are returned as they are.
        """
        x = self._x.values
        first = max(0, int(np.searchsorted(x, x0, "left")) - 1)
        last = min(len(x), int(np.searchsorted(x, x1, "right")) + 1)
        if last - first <= 2 * pixels:
            return x[first:last].copy(), self._low[0].values[first:last].copy()
        edges = np.linspace(x0, x1, pixels + 1)
        bounds = np.searchsorted(x, edges, "left")
        bounds[0], bounds[-1] = first, last
        starts, ends = bounds[:-1], bounds[1:]
        filled = starts < ends
        low, high = self.extremes(starts[filled], ends[filled])
        centers = (edges[:-1] + edges[1:])[filled] / 2
        return np.repeat(centers, 2), np.column_stack((low, high)).ravel()

    def limits(self, x0: float, x1: float) -> tuple[float, float] | None:
        """Return the extremes of all finite y between x0 and x1, or None if there are none."""
        x = self._x.values
        start = np.array([np.searchsorted(x, x0, "left")])
        end = np.array([np.searchsorted(x, x1, "right")])
        low, high = self.extremes(start, end)
        return (float(low[0]), float(high[0])) if np.isfinite(low[0]) else None
