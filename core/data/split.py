"""Which rows are held out for validation."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.data.table import Conversation, RowTable
from core.settings import DataSettings

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Split:
    """Indices of the rows to train on and of those to validate on, both ascending."""

    train: tuple[int, ...]
    held_out: tuple[int, ...]


def split_rows(table: RowTable, settings: DataSettings, seed: int) -> Split:
    """Hold out the rows whose content hashes into the lowest `settings.held_out` of all hashes.

    Whether a row is held out depends on its own content and the seed alone: duplicates stay on
    one side, and rows that are appended later move none of the others. So the share is met on
    average, not exactly. Only where the rule would leave one side empty, the row with the lowest
    (or highest) hash goes there, with its duplicates; nothing is held out where all rows are equal.
    With `settings.skip_repeated` only the first of equal rows is on either side.
    """
    needed = settings.held_out or settings.skip_repeated
    hashes = [content_hash(row, seed) for row in table.rows] if needed else []
    return split_by(hashes, len(table), settings)


def split_by(hashes: Sequence[int], rows: int, settings: DataSettings) -> Split:
    """Return the split of `split_rows`, from the hashes of all rows; none if none are needed."""
    chosen: Sequence[int] = range(rows)
    if settings.skip_repeated:
        chosen = (~repeated(hashes)).nonzero()[0].tolist()
    if settings.held_out == 0:
        return Split(tuple(chosen), ())
    distinct = sorted(set(hashes))
    border = min(max(int(settings.held_out * 2**64), distinct[0] + 1), distinct[-1])
    train = tuple(i for i in chosen if hashes[i] >= border)
    held_out = tuple(i for i in chosen if hashes[i] < border)
    return Split(train, held_out)


def repeated(hashes: Sequence[int]) -> "np.ndarray":
    """Return for each row whether its hash is that of an earlier one, (rows,) bool."""
    import numpy as np

    numbers = np.asarray(hashes, np.uint64)
    again = np.ones(len(numbers), bool)
    again[np.unique(numbers, return_index=True)[1]] = False
    return again


def content_hash(row: Conversation, seed: int) -> int:
    """Return the first 64 bits of the SHA-256 over seed and content."""
    content = json.dumps([seed, [[m.role, m.content, *m.extras] for m in row]])
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:8])
