"""What DoRA did to the lengths of the rows of W, in numbers small enough for a picture."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.ranks.dora import DoraSplit
from core.ranks.metrics import Array

BINS = 48


@dataclass(frozen=True, eq=False)
class Lengths:
    """One module: ΔW = (D − I)·W₀ + s·(D·B)·A.

    Attributes:
        low, high: Ends of the histogram of the diagonal of D; 1 is unchanged.
        counts: Rows by their entry of D, (BINS,).
        quartiles: 25, 50 and 75 % of the entries.
        magnitude_part: ‖(D − I)·W₀‖.
        directional_part: ‖s·(D·B)·A‖.
    """

    name: str
    low: float
    high: float
    counts: Array
    quartiles: tuple[float, float, float]
    magnitude_part: float
    directional_part: float

    @classmethod
    def of(cls, name: str, parts: DoraSplit) -> "Lengths":
        """Return the numbers of a module."""
        ratios = parts.ratios
        reach = max(float(np.abs(ratios - 1).max()), 1e-6)
        counts, _ = np.histogram(ratios, BINS, (1 - reach, 1 + reach))
        low, middle, high = (float(value) for value in np.quantile(ratios, [0.25, 0.5, 0.75]))
        return cls(
            name,
            1 - reach,
            1 + reach,
            counts.astype(np.float64),
            (low, middle, high),
            parts.magnitude_part,
            parts.directional_part,
        )

    def fields(self) -> dict[str, Any]:
        """Return all of it as JSON data."""
        return dataclasses.asdict(self) | {"counts": self.counts.tolist()}

    @classmethod
    def of_fields(cls, fields: dict[str, Any]) -> "Lengths":
        """Return what `fields` gave."""
        numbers = {"counts": np.array(fields["counts"]), "quartiles": tuple(fields["quartiles"])}
        return cls(**{**fields, **numbers})

    @property
    def magnitude_share(self) -> float:
        """Share of the lengths in ‖(D−I)·W₀‖² + ‖s·(D·B)·A‖²; 0 where nothing has changed."""
        squares = self.magnitude_part**2, self.directional_part**2
        return squares[0] / sum(squares) if sum(squares) else 0.0
