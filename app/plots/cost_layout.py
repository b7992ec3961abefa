"""Where everything lies in the table of costs: one row per kind, one column per layer or group."""

from dataclasses import dataclass
from functools import cached_property
from math import ceil

from PySide6.QtCore import QPointF, QRectF

from app.style.theme import scaled

MIN_PITCH, MAX_PITCH = 8, 28
ROW, HEAD, BARS, AMOUNT = 20, 20, 32, 78
"""Heights of a row, of the layer numbers and of the bars of totals; width of the amounts."""
BAND_GAP = 6
Place = tuple[int, int]
"""Row and column; one beyond the last is the total."""


@dataclass(frozen=True)
class CostLayout:
    """The layout at one width.

    Attributes:
        kinds: The rows.
        groups: The layers of each column: one, or neighbours where they would be too narrow.
        head_width: Width of the row heads.
        pitch: Distance between two columns.
    """

    kinds: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    head_width: int
    pitch: int

    @classmethod
    def fit(
        cls, kinds: tuple[str, ...], layers: tuple[int, ...], width: int, head_width: int
    ) -> "CostLayout":
        """Return the layout whose columns fill `width` and are at least 8 pixels wide."""
        room = max(MIN_PITCH, width - head_width - scaled(AMOUNT))
        together = max(1, ceil(len(layers) * MIN_PITCH / room))
        groups = tuple(layers[i : i + together] for i in range(0, len(layers), together))
        pitch = max(MIN_PITCH, min(MAX_PITCH, room // max(1, len(groups))))
        return cls(kinds, groups, head_width, pitch)

    @property
    def right(self) -> int:
        """Right edge of the last column."""
        return self.head_width + self.pitch * len(self.groups)

    @property
    def height(self) -> int:
        """Height of the whole table."""
        return self.row_top(len(self.kinds)) + scaled(BARS)

    def row_top(self, row: int) -> int:
        """Upper edge of a row; of the bars for the row beyond the last."""
        return scaled(HEAD) + row * scaled(ROW) + BAND_GAP * self._bands[row]

    def rect(self, place: Place) -> QRectF:
        """Return the area of a cell or of a total."""
        row, column = place
        height = scaled(ROW if row < len(self.kinds) else BARS) - 2
        if column == len(self.groups):
            return QRectF(self.right + 6, self.row_top(row), scaled(AMOUNT) - 8, height)
        gap = 2 if self.pitch >= 12 else 1
        left = self.head_width + column * self.pitch
        return QRectF(left, self.row_top(row), self.pitch - gap, height)

    def place_at(self, point: QPointF) -> Place | None:
        """Return what is under a point; the head of a row or layer stands for its total."""
        rows = range(len(self.kinds) + 1)
        row = next((r for r in rows if point.y() < self.row_top(r) + scaled(ROW)), len(self.kinds))
        column = int((point.x() - self.head_width) // self.pitch)
        if point.x() < self.head_width or point.x() >= self.right:
            column = len(self.groups)
        if point.y() < scaled(HEAD):
            row = len(self.kinds)
        inside = 0 <= point.y() < self.height and 0 <= point.x() < self.right + scaled(AMOUNT)
        return (row, column) if inside and self.kinds else None

    @cached_property
    def _bands(self) -> list[int]:
        """Gaps above each row: one where attention ends and the MLP begins, one above the bars."""
        bands = [0]
        for before, kind in zip(self.kinds, self.kinds[1:], strict=False):
            bands.append(bands[-1] + (before.split(".")[0] != kind.split(".")[0]))
        return [*bands[: len(self.kinds)], bands[-1] + 1]
