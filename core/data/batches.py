"""The order of the rows."""

import random
from typing import Self, TypedDict


class OrderState(TypedDict):
    """What a checkpoint keeps of an `Order`."""

    rows: int
    seed: int
    epoch: int
    cursor: int


class Order:
    """An endless order of row positions: a fresh permutation per epoch, the same for one seed.

    It depends on (seed, epoch) alone, so that two numbers resume it exactly.
    """

    def __init__(self, rows: int, seed: int, *, epoch: int = 0, cursor: int = 0) -> None:
        """Start before position `cursor` of `epoch`.

        Raises:
            ValueError: There are no rows, or the cursor is outside of an epoch.
        """
        if rows < 1 or not 0 <= cursor <= rows:
            raise ValueError(f"no order of {rows} rows from position {cursor}")
        self._rows = rows
        self._seed = seed
        self._epoch = epoch
        self._cursor = cursor
        self._permutation = self._shuffled()

    @classmethod
    def from_state(cls, state: OrderState) -> Self:
        """Return an order that goes on where the one with that state stood."""
        return cls(state["rows"], state["seed"], epoch=state["epoch"], cursor=state["cursor"])

    @property
    def state(self) -> OrderState:
        """What `from_state` needs, as plain JSON data."""
        return {
            "rows": self._rows,
            "seed": self._seed,
            "epoch": self._epoch,
            "cursor": self._cursor,
        }

    def take(self, count: int) -> list[int]:
        """Return the next `count` positions; an epoch that ends is followed by the next."""
        taken: list[int] = []
        while len(taken) < count:
            if self._cursor == self._rows:
                self._epoch += 1
                self._cursor = 0
                self._permutation = self._shuffled()
            piece = self._permutation[self._cursor : self._cursor + count - len(taken)]
            taken += piece
            self._cursor += len(piece)
        return taken

    def _shuffled(self) -> list[int]:
        positions = list(range(self._rows))
        random.Random(f"{self._seed}/{self._epoch}").shuffle(positions)
        return positions
