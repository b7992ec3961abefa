"""Numbers about encoded rows: what is trained, what is cut."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median_low

from core.data.encode import Example

ROUND_LENGTHS_TO = 64


@dataclass(frozen=True, kw_only=True)
class DataStats:
    """What the rows of a data set come to at one maximal length.

    Attributes:
        lengths: Tokens of each row before anything is cut.
        trained_lengths: Trained tokens of each row that are left after cutting.
        tokens: Tokens that are left.
        trained_tokens: Trained tokens that are left.
        cut_rows: Rows that are longer than the limit.
        cut_trained_tokens: Trained tokens that are cut.
        empty_rows: Rows with no trained token left.
        answers: Answers in all rows.
        unlocated: Answers that could not be found in the rendered text.
        open_ends: Answers without a trained end of turn.
        cut_ends: Answers of which the end of turn is cut.
        largest_id: The largest token id, -1 without any token.
    """

    lengths: tuple[int, ...]
    trained_lengths: tuple[int, ...]
    tokens: int
    trained_tokens: int
    cut_rows: int
    cut_trained_tokens: int
    empty_rows: int
    answers: int
    unlocated: int
    open_ends: int
    cut_ends: int
    largest_id: int

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.lengths)

    @property
    def median_trained(self) -> int:
        """Trained tokens of the middle row."""
        return median_low(self.trained_lengths) if self.trained_lengths else 0

    def length_for(self, share: float) -> int:
        """Return the length that leaves at least `share` of the rows whole, a multiple of 64."""
        needed = percentile(self.lengths, share)
        return max(1, math.ceil(needed / ROUND_LENGTHS_TO)) * ROUND_LENGTHS_TO


def percentile(values: Sequence[int], share: float) -> int:
    """Return the smallest value that at least `share` of `values` do not exceed (nearest rank)."""
    if not values:
        return 0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def summarise(examples: Iterable[Example]) -> DataStats:
    """Add up the examples."""
    all_examples = list(examples)
    trained = tuple(example.trained_tokens for example in all_examples)
    return DataStats(
        lengths=tuple(len(e.ids) + e.cut for e in all_examples),
        trained_lengths=trained,
        tokens=sum(len(e.ids) for e in all_examples),
        trained_tokens=sum(trained),
        cut_rows=sum(e.cut > 0 for e in all_examples),
        cut_trained_tokens=sum(e.cut_trained for e in all_examples),
        empty_rows=trained.count(0),
        answers=sum(e.answers for e in all_examples),
        unlocated=sum(e.unlocated for e in all_examples),
        open_ends=sum(e.open_ends for e in all_examples),
        cut_ends=sum(e.cut_ends for e in all_examples),
        largest_id=max((max(e.ids, default=-1) for e in all_examples), default=-1),
    )
