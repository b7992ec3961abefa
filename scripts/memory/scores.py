"""Predicted against measured, row by row."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median

from core.memory.amounts import GIB
from core.memory.table import Prediction
from core.memory.table.rows import Row

Predict = Callable[[Row], Prediction]


@dataclass(frozen=True)
class Scored:
    """One row with what was predicted for it.

    Attributes:
        row: The measured run.
        found: The prediction.
        error: Predicted over measured minus one; None where either is missing.
    """

    row: Row
    found: Prediction
    error: float | None

    @classmethod
    def of(cls, row: Row, found: Prediction) -> "Scored":
        """Compare in the metric that the row measured: the allocator, reserved, or all."""
        measured = row.text("peak_gib")
        if not measured or found.plan is None:
            return cls(row, found, None)
        return cls(row, found, found.bytes_in_metric(row) / GIB / float(measured) - 1)


@dataclass(frozen=True)
class Errors:
    """The errors of a group of rows (shares of what was measured)."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, scored: Iterable[Scored]) -> "Errors":
        """Take the rows that have one."""
        return cls(tuple(item.error for item in scored if item.error is not None))

    @property
    def sizes(self) -> list[float]:
        """Without their signs, the smallest first."""
        return sorted(map(abs, self.values))

    def __str__(self) -> str:
        """The cells of a table: rows, mean, median, 95th percentile, worst, below."""
        sizes = self.sizes
        late = sizes[max(0, round(0.95 * len(sizes)) - 1)]
        worst = max(self.values, key=abs)
        below = sum(value < 0 for value in self.values) / len(self.values)
        cells = (mean(sizes), median(sizes), late)
        return (
            f"{len(sizes)} | "
            + " | ".join(f"{value:.1%}" for value in cells)
            + f" | {worst:+.1%} | {below:.0%}"
        )


def verdicts(scored: Sequence[Scored], tiers: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return how many runs were judged rightly, of how many: those that ran, those that did not."""
    judged: dict[str, list[bool]] = {"ran": [], "out of memory": []}
    for item in scored:
        if item.row.text("tier") in tiers and item.found.fits is not None:
            ran = item.row.text("outcome") == "ok"
            judged["ran" if ran else "out of memory"].append(item.found.fits == ran)
    return {name: (sum(right), len(right)) for name, right in judged.items()}
