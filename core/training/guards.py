"""What stops a run before it does harm: numbers that are none, and memory that is not there."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from core.errors import UserError

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


@contextmanager
def out_of_memory_in_words(micro_batch: int) -> Iterator[None]:
    """Turn the many faces of an exhausted memory into one `Mishap`."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _out_of_memory(micro_batch, error) from error
    except RuntimeError as error:
        if not any(words in str(error) for words in _EXHAUSTED):
            raise
        raise _out_of_memory(micro_batch, error) from error


def _out_of_memory(micro_batch: int, error: BaseException) -> Mishap:
    if micro_batch > 1:
        hint = (
            f"Try micro-batch {micro_batch // 2} and twice the accumulation: "
            "the effective batch stays the same."
        )
    else:
        hint = "Try 4-bit weights, gradient checkpointing or a smaller max length."
    return Mishap("The device ran out of memory.", hint, details=str(error))
