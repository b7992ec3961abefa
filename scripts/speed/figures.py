"""Ratios with their uncertainty."""

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_RESAMPLES = 2000


@dataclass(frozen=True)
class Ratio:
    """A median of ratios between the rounds of two variants, with a 95 % interval."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Return the median over rounds of ours ÷ theirs, and its percentile bootstrap interval.

    Rounds are resampled as pairs: what one round shares, such as other load, stays shared
    (Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13).
    """
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    dice = random.Random(0)
    medians = sorted(
        statistics.median(dice.choices(ratios, k=len(ratios))) for _ in range(_RESAMPLES)
    )
    low, high = (medians[round(share * (_RESAMPLES - 1))] for share in (0.025, 0.975))
    return Ratio(statistics.median(ratios), low, high)
