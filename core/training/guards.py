"""What stops a run before it does harm: numbers that are none, and memory that is not there."""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from core.errors import UserError

_ROWS_NAMED = 8
_EXHAUSTED = (
    "can't allocate memory",  # torch's allocator on a processor
    "not enough memory",  # the same on Windows
    "out of memory",  # drivers outside of torch's allocator: CUDA, ROCm, Metal, XPU
    "CUBLAS_STATUS_ALLOC_FAILED",  # the workspaces of cuBLAS and cuDNN
    "CUDNN_STATUS_ALLOC_FAILED",
    "std::bad_alloc",  # libraries on a processor: oneDNN, bitsandbytes
)


class Mishap(UserError):
    """The step under way failed, the adapter is still what it was before it."""


class Standstill(Mishap):
    """There is nothing to learn from; the run pauses, so that somebody looks at it."""

    def __init__(self, step: int) -> None:
        super().__init__(
            f"The loss was exactly zero twice, the last time at step {step}: no token of these "
            "rows is trained, or all are known by heart.",
            "Look at the tokens on the data page; what was learned so far is saved.",
        )


class Spoilt(UserError):
    """A trained weight is no number: nothing of now may be saved."""

    def __init__(self, weight: str, step: int) -> None:
        super().__init__(
            f"{_short(weight)} is not finite after step {step}: training stopped, and this state "
            "is not saved.",
            "Resume from the last checkpoint, which is sound; a lower learning rate may help.",
        )


class HalfChanged(Spoilt):
    """Memory ran out between the changes of two weights; doing it again would change some twice."""

    def __init__(self, step: int, error: "OutOfMemory") -> None:
        UserError.__init__(
            self,
            f"The device ran out of memory while step {step} changed the adapter: training "
            "stopped, and this state is not saved.",
            "The last checkpoint is sound. Plan the next run with a smaller optimizer (adamw8bit) "
            "or fewer target layers.",
            details=error.details,
        )


class Overflow(Exception):
    """A gradient left the range of fp16 under its loss scale; with half of it it may fit."""


@dataclass(frozen=True)
class Trouble:
    """A number of a step that is none, and what is known of it.

    Attributes:
        what: "loss" or "gradient", or another name of the number.
        rows: Indices of the rows that were at work.
        guilty: Those that alone give such a number, where the loss tells.
        module: The first module that made one, "" where none does when it is computed again.
        weight: A frozen weight that is no number itself, "" where all are sound.
    """

    what: str
    value: float
    step: int
    rows: Sequence[int]
    guilty: Sequence[int] = ()
    module: str = ""
    weight: str = ""

    def mishap(self) -> Mishap:
        """Return the error that stops the run before the adapter is spoilt."""
        sentences = [
            f"The {self.what} of step {self.step} is {self.value}: training stopped before it "
            f"could spoil the adapter. Rows of this batch: {_listed(self.rows)}."
        ]
        if self.guilty:
            sentences.append(f"Alone it comes from row {_listed(self.guilty)}.")
        if self.module:
            sentences.append(f"The first module with such a number is {_short(self.module)}.")
        if self.weight:
            sentences.append(f"The frozen weight {_short(self.weight)} is not finite itself.")
        if not (self.guilty or self.module or self.weight):
            sentences.append("Looked at again, none of them gave it once more.")
        hint = "Look at these rows, and try a lower learning rate or more warm-up."
        if self.weight:
            hint = "The files of the model are damaged: download or convert it again."
        return Mishap(" ".join(sentences), f"{hint} The adapter of the step before is saved.")


def _listed(rows: Sequence[int]) -> str:
    named = ", ".join(str(row) for row in rows[:_ROWS_NAMED])
    more = f" and {len(rows) - _ROWS_NAMED} more" if len(rows) > _ROWS_NAMED else ""
    return named + more


def _short(name: str) -> str:
    return name.removeprefix("base_model.model.").removesuffix(".default.weight")


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
    """Turn the many faces of an exhausted memory into one `OutOfMemory`.

    What the functions that failed held, the activations, is let go: the error remembers them.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_exhausted(error):
            raise
        traceback.clear_frames(error.__traceback__)
        raise OutOfMemory(error) from None


def _is_exhausted(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in _EXHAUSTED)
