"""What stops a run before it does harm: numbers that are none, and memory that is not there."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from core.data.encode import Example
from core.errors import UserError
from core.events import Notice
from core.memory.amounts import gib
from core.training.micro_batch import Layout

_ROWS_NAMED = 8
_EXHAUSTED = (
    "can't allocate memory",  # torch's allocator on a processor
    "CUDA error: out of memory",  # the driver, outside of torch's allocator
    "CUBLAS_STATUS_ALLOC_FAILED",  # the workspace of cuBLAS
)


class Mishap(UserError):
    """The step under way failed, the adapter is still what it was before it."""


def require_finite(value: float, what: str, step: int, rows: Sequence[int]) -> None:
    """Stop before an optimizer step would write NaN into the adapter.

    Raises:
        Mishap: `value` is NaN or infinite; the message names the step and the rows.
    """
    if math.isfinite(value):
        return
    named = ", ".join(str(row) for row in rows[:_ROWS_NAMED])
    more = f" and {len(rows) - _ROWS_NAMED} more" if len(rows) > _ROWS_NAMED else ""
    raise Mishap(
        f"The {what} of step {step} is {value}: training stopped before it could spoil the "
        f"adapter. Rows of this batch: {named}{more}.",
        "Look at these rows, and try a lower learning rate or more warm-up. "
        "The adapter of the step before is saved.",
    )


class OutOfMemory(Mishap):
    """The device had no room for a micro-batch."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(
            "The device ran out of memory.",
            "Try 4-bit weights, gradient checkpointing or a smaller max length.",
            details=str(error),
        )


@contextmanager
def out_of_memory_in_words() -> Iterator[None]:
    """Turn the many faces of an exhausted memory into one `OutOfMemory`."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise OutOfMemory(error) from None  # the traceback would hold the activations
    except RuntimeError as error:
        if not any(words in str(error) for words in _EXHAUSTED):
            raise
        raise OutOfMemory(error) from None


def about_smaller(before: Layout, after: Layout, rows: Sequence[Example], peak: int) -> Notice:
    """Return what is said when a micro-batch did not fit and half of it is tried.

    Args:
        before: The layout that did not fit.
        after: The one that is tried next.
        rows: The rows that were at work.
        peak: Bytes of the device's peak so far.
    """
    longest = max(len(row.ids) for row in rows)
    return Notice(
        level="warning",
        message=(
            f"The device ran out of memory at {before.largest(rows):,} tokens at once (longest row "
            f"{longest:,}, peak so far {gib(peak)} GiB). The micro-batch is halved from "
            f"{before.micro_batch} to {after.micro_batch} rows, {after.largest(rows):,} tokens; "
            "effective batch, step and loss stay the same."
        ),
        hint="Plan the next run with the smaller micro-batch and more accumulation.",
    )
