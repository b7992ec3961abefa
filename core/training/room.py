"""How much goes through the model at once, and what is done when that is too much."""

from collections.abc import Sequence

from core.data.encode import Example
from core.events import Notice
from core.memory.amounts import gib
from core.training.guards import OutOfMemory
from core.training.measure import PeakMemory, free_memory
from core.training.micro_batch import Layout


class Room:
    """The layout of the micro-batches, which shrinks when memory runs out and never grows.

    Attributes:
        layout: How rows are distributed now.
    """

    def __init__(self, layout: Layout, memory: PeakMemory) -> None:
        self.layout = layout
        self._memory = memory

    def shrink(self, rows: Sequence[Example], error: OutOfMemory) -> Notice:
        """Halve the micro-batch, so that the rows that did not fit can be tried again with less.

        Raises:
            OutOfMemory: A single row does not fit.
        """
        before, after = self.layout, self.layout.shrunk(rows)
        if after is None:
            raise error
        free_memory()
        self.layout = after
        longest, peak = max(len(row.ids) for row in rows), gib(self._memory.bytes())
        return Notice(
            level="warning",
            guard="R4",
            message=(
                f"The device ran out of memory at {before.largest(rows):,} tokens at once (longest "
                f"row {longest:,}, peak so far {peak} GiB). The micro-batch is halved from "
                f"{before.micro_batch} to {after.micro_batch} rows, "
                f"{after.largest(rows):,} tokens; effective batch, step and loss stay the same."
            ),
            hint="Plan the next run with the smaller micro-batch and more accumulation.",
        )
