"""The next effective batch, made on a thread while the device works on the present one."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from core.data.batches import Order, OrderState
from core.data.encode import Example
from core.training.micro_batch import Layout, MicroBatch


@dataclass(frozen=True, order=True)
class Largest:
    """The size of the largest micro-batch of some: what the peak of memory belongs to.

    Attributes:
        tokens: T, padding included.
        trained: N, those that give a loss.
    """

    tokens: int = 0
    trained: int = 0


@dataclass(frozen=True)
class Batch:
    """The rows of one optimizer step.

    Attributes:
        rows: The examples, in the order in which they were drawn.
        layout: How they were distributed.
        micro_batches: They as tensors, on the CPU.
        order: Where the order of the rows stands after them.
    """

    rows: tuple[Example, ...]
    layout: Layout
    micro_batches: tuple[MicroBatch, ...]
    order: OrderState

    @property
    def largest(self) -> Largest:
        """The size of its largest micro-batch."""
        parts = self.micro_batches
        return max(Largest(part.ids.numel(), part.targets.numel()) for part in parts)

    def laid_out(self, layout: Layout) -> "Batch":
        """Return the same rows in another layout."""
        return self if layout == self.layout else _batch(self.rows, layout, self.order)


class Batches:
    """Draws effective batches, one ahead; what is drawn depends on the order alone.

    Args:
        rows: The examples to train on.
        order: In which they come.
        size: The effective batch, in rows.
    """

    def __init__(self, rows: Sequence[Example], order: Order, size: int) -> None:
        self._rows = rows
        self._order = order
        self._size = size
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="batch")
        self._next: Future[Batch] | None = None

    def take(self, layout: Layout) -> Batch:
        """Return the next batch, and have the one after it made."""
        batch = self._make(layout) if self._next is None else self._next.result()
        self._next = self._maker.submit(self._make, layout)
        return batch.laid_out(layout)

    def look(self, layout: Layout) -> Batch:
        """Return the batch that `take` will return next."""
        if self._next is None:
            self._next = self._maker.submit(self._make, layout)
        return self._next.result().laid_out(layout)

    def close(self) -> None:
        """Make no more."""
        self._maker.shutdown(cancel_futures=True)

    def _make(self, layout: Layout) -> Batch:
        drawn = tuple(self._rows[i] for i in self._order.take(self._size))
        return _batch(drawn, layout, self._order.state)


def _batch(rows: tuple[Example, ...], layout: Layout, order: OrderState) -> Batch:
    micro_batches = tuple(layout.tensors(part) for part in layout.split(rows))
    return Batch(rows, layout, micro_batches, order)
