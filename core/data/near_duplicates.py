"""Rows that nearly repeat others, found by MinHash (Broder, 1997) with banding.

A row is the set of its runs of `WORDS` words. The smallest of the hashed members under each of many
hash functions is a sketch: two sketches agree in a place with the probability of the Jaccard
similarity J of their sets. Rows are compared where they agree in all places of one of `BANDS`
bands, which rows of similarity J do with probability 1 − (1 − J⁴)¹⁶: 99.98 % at 0.8, 10 % at 0.3.
Whether a pair counts is then decided by its true similarity.
"""

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.data.table import Conversation

SIMILAR = 0.8
"""Jaccard similarity from which on rows count as near-duplicates."""
WORDS = 3
BANDS, PER_BAND = 16, 4
_PRIME = np.uint64((1 << 31) - 1)
_SEED = 20261127
_WORD = re.compile(r"\w+")

Members = NDArray[np.uint64]


class NearDuplicates:
    """Rows that are compared as they are added.

    Attributes:
        first_of: For each row that resembles an earlier one the first such row.
    """

    def __init__(self) -> None:
        self.first_of: dict[int, int] = {}
        random = np.random.default_rng(_SEED)
        shape = (2, BANDS * PER_BAND, 1)
        self._factors, self._shifts = random.integers(1, int(_PRIME), shape, dtype=np.uint64)
        self._buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
        self._members: dict[int, Members] = {}

    def add(self, index: int, row: Conversation) -> None:
        """Compare a row with those before it; rows without words resemble none."""
        members = _members(row)
        if not len(members):
            return
        sketch = ((self._factors * members + self._shifts) % _PRIME).min(axis=1)
        places = [(band, part.tobytes()) for band, part in enumerate(np.split(sketch, BANDS))]
        for other in sorted({first for place in places for first in self._buckets[place]}):
            if _similarity(self._members[other], members) >= SIMILAR:
                self.first_of[index] = other
                return
        # Only the first of a kind is compared with, so that many copies cost no more.
        self._members[index] = members
        for place in places:
            self._buckets[place].append(index)


def _members(row: Conversation) -> Members:
    """Return the hashed runs of words of a row, each once, ascending."""
    words = list(_words(row))
    runs = {" ".join(words[i : i + WORDS]) for i in range(max(1, len(words) - WORDS + 1))}
    hashes = [zlib.crc32(run.encode()) for run in runs if run]
    return np.unique(np.array(hashes, np.uint64) % _PRIME)


def _words(row: Conversation) -> Iterator[str]:
    for message in row:
        for text in (message.content, *message.extras):
            yield from _WORD.findall(text.lower())


def _similarity(one: Members, other: Members) -> float:
    """Return the Jaccard similarity of two sets."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)
