"""How long rows are, in a few numbers from which every question about a cut is answered exactly.

A data set has millions of rows and some thousand different lengths. What the rows come to at a
maximal length L follows from how often each length, and each border of a trained stretch, occurs:
Σ min(length, L) tokens are left, of them Σ min(end, L) − Σ min(start, L) trained. So the window
needs no row to move the line, and an answer takes microseconds however many rows there are.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import numpy as np

    from core.data.token_rows import TokenRows

ROUND_LENGTHS_TO = 64
LONGEST_KEPT = 1024
"""So many of the longest rows are kept one by one: they set the peak of the memory."""


@dataclass(frozen=True)
class Tally:
    """How often each number occurs.

    Attributes:
        values: The different numbers, ascending.
        counts: How often each of them occurs.
    """

    values: Sequence[int] = ()
    counts: Sequence[int] = ()

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Self:
        """Count some numbers."""
        return cls.of_counts(Counter(numbers))

    @classmethod
    def of_counts(cls, counts: Mapping[int, int]) -> Self:
        """Take over what was counted."""
        values = sorted(counts)
        return cls(values, [counts[value] for value in values])

    @classmethod
    def of_array(cls, numbers: "np.ndarray") -> Self:
        """Count the numbers of an array."""
        import numpy as np

        values, counts = np.unique(numbers, return_counts=True)
        return cls(values.tolist(), counts.tolist())

    @cached_property
    def _before(self) -> list[int]:
        """How many numbers are smaller than each value, and the number of all."""
        return list(accumulate(self.counts, initial=0))

    @cached_property
    def _sums(self) -> list[int]:
        """The sum of the numbers that are smaller than each value, and that of all."""
        products = (value * count for value, count in zip(self.values, self.counts, strict=True))
        return list(accumulate(products, initial=0))

    @cached_property
    def as_counts(self) -> dict[int, int]:
        """How often each number occurs, by number."""
        return dict(zip(self.values, self.counts, strict=True))

    @property
    def number(self) -> int:
        """How many there are."""
        return self._before[-1]

    @property
    def total(self) -> int:
        """Their sum."""
        return self._sums[-1]

    @property
    def least(self) -> int:
        """The smallest number, 0 without any."""
        return self.values[0] if self.values else 0

    @property
    def most(self) -> int:
        """The largest number, 0 without any."""
        return self.values[-1] if self.values else 0

    def below(self, limit: int) -> int:
        """Return how many are smaller than `limit`."""
        return self._before[bisect_left(self.values, limit)]

    def above(self, limit: int) -> int:
        """Return how many are larger than `limit`."""
        return self.number - self._before[bisect_right(self.values, limit)]

    def clipped(self, limit: int) -> int:
        """Return Σ min(number, limit)."""
        return self._sums[bisect_right(self.values, limit)] + limit * self.above(limit)

    def percentile(self, share: float) -> int:
        """Return the smallest value that at least `share` do not exceed (nearest rank)."""
        if not self.values:
            return 0
        rank = max(1, math.ceil(share * self.number))
        return self.values[bisect_left(self._before, rank) - 1]

    def length_for(self, share: float) -> int:
        """Return the multiple of 64 that leaves at least `share` of rows of these lengths whole."""
        blocks = math.ceil(self.percentile(share) / ROUND_LENGTHS_TO)
        return max(1, blocks) * ROUND_LENGTHS_TO

    def as_json(self) -> list[Sequence[int]]:
        """Return it as JSON data."""
        return [self.values, self.counts]


@dataclass(frozen=True)
class RowLengths:
    """The lengths of all rows, and where in them is trained.

    Attributes:
        tokens: Tokens of each row, uncut.
        starts, ends: Where each stretch of trained tokens begins, and where it is over.
        firsts: Where the first of a row begins; rows without a trained token have none.
        longest: Of the longest rows [tokens, start, end, start, end, …], descending by tokens.
    """

    tokens: Tally = Tally()
    starts: Tally = Tally()
    ends: Tally = Tally()
    firsts: Tally = Tally()
    longest: Sequence[Sequence[int]] = ()

    @classmethod
    def of(cls, rows: "TokenRows") -> Self:
        """Count the rows."""
        import numpy as np

        from core.data.token_rows import NOWHERE

        lengths, stretches = rows.lengths, rows.stretches
        number = min(LONGEST_KEPT, len(lengths))
        order = np.argpartition(-lengths, number - 1)[:number] if number else lengths
        order = order[np.argsort(-lengths[order], kind="stable")]
        return cls(
            tokens=Tally.of_array(lengths),
            starts=Tally.of_array(stretches.values[0::2]),
            ends=Tally.of_array(stretches.values[1::2]),
            firsts=Tally.of_array(rows.firsts[rows.firsts < NOWHERE]),
            longest=[[int(lengths[row]), *stretches[row]] for row in order.tolist()],
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what `as_json` wrote; no lengths where it is empty."""
        if not data:
            return cls()
        return cls(
            tokens=Tally(*data["tokens"]),
            starts=Tally(*data["starts"]),
            ends=Tally(*data["ends"]),
            firsts=Tally(*data["firsts"]),
            longest=data["longest"],
        )

    def as_json(self) -> dict[str, Any]:
        """Return them as JSON data."""
        return {
            "tokens": self.tokens.as_json(),
            "starts": self.starts.as_json(),
            "ends": self.ends.as_json(),
            "firsts": self.firsts.as_json(),
            "longest": self.longest,
        }

    def __len__(self) -> int:
        return self.tokens.number

    def left(self, limit: int) -> int:
        """Return the tokens that are left where rows are cut at `limit`."""
        return self.tokens.clipped(limit)

    def trained(self, limit: int) -> int:
        """Return the trained tokens that are left."""
        return self.ends.clipped(limit) - self.starts.clipped(limit)

    def lost(self, limit: int) -> int:
        """Return the trained tokens that are cut off."""
        return self.ends.total - self.starts.total - self.trained(limit)

    def cut(self, limit: int) -> int:
        """Return the rows that are longer."""
        return self.tokens.above(limit)

    def untrained(self, limit: int) -> int:
        """Return the rows that have no trained token left."""
        return len(self) - self.firsts.below(limit)

    def longest_at(self, limit: int) -> tuple[list[int], list[int]]:
        """Return tokens, uncut, and trained tokens that are left of each of the longest rows."""
        trained = [
            sum(min(end, limit) - min(start, limit) for start, end in _pairs(row[1:]))
            for row in self.longest
        ]
        return [row[0] for row in self.longest], trained


def _pairs(borders: Sequence[int]) -> Iterable[tuple[int, int]]:
    return zip(borders[0::2], borders[1::2], strict=True)
