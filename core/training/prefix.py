"""What the blocks below the first adapted one make of a row, kept from one epoch to the next.

Those blocks are frozen: in every epoch they turn a row into the same hidden states, T × hidden
numbers. With adapters on the upper k of L blocks and several epochs, keeping them spares the
forward pass of the lower L − k from the second epoch on, for the disk's room of all rows' states.
They lie in an unbuffered file of the run folder; a disk that refuses ends the cache, nothing else.
"""

import inspect
import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from torch import nn

from core.data.encode import Example
from core.data.token_rows import lengths_of
from core.events import Notice
from core.training.blocks import blocks_of
from core.training.micro_batch import MicroBatch
from core.training.passage import Passage

FILE = ".tmp-prefix"
"""Name in the run folder; what a killed process leaves of it is swept at the next start."""
_HEADROOM = 2  # times the size of the cache that must be free on the disk


class RowStates:
    """Hidden states of rows in a file: (T, hidden) each, in the compute type."""

    def __init__(
        self, file: Path, rows: Sequence[Example], hidden: int, dtype: torch.dtype
    ) -> None:
        self._path = file
        self._file = file.open("w+b", buffering=0)
        self._hidden, self._dtype = hidden, dtype
        lengths = lengths_of(rows)
        spans = zip((row.row for row in rows), lengths, accumulate(lengths), strict=True)
        self._places = {row: (end - length, length) for row, length, end in spans}
        self._known: set[int] = set()

    def knows(self, rows: Sequence[int]) -> bool:
        """Tell whether the states of all these rows are there."""
        return self._known.issuperset(rows)

    def write(self, row: int, states: torch.Tensor) -> None:
        """Keep (T, hidden).

        Raises:
            OSError: The disk is full or gone.
        """
        data = states.contiguous().cpu().view(torch.uint8).numpy().data
        self._file.seek(self._places[row][0] * self._token_bytes)
        if self._file.write(data) != data.nbytes:
            raise OSError("the disk is full")
        self._known.add(row)

    def read(self, row: int) -> torch.Tensor:
        """Return (T, hidden) on the CPU.

        Raises:
            OSError: The disk is gone.
        """
        start, tokens = self._places[row]
        data = bytearray(tokens * self._token_bytes)
        self._file.seek(start * self._token_bytes)
        if self._file.readinto(data) != len(data):
            raise OSError("the file was cut")
        return torch.frombuffer(data, dtype=self._dtype).view(tokens, self._hidden)

    def close(self) -> None:
        """Give the disk its room back."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    @property
    def _token_bytes(self) -> int:
        return self._hidden * self._dtype.itemsize


class PrefixCache:
    """Spares the frozen lower blocks of a model the rows that they have seen.

    Args:
        frozen: The blocks below the first adapted one, in their order.
        states: Where their output is kept.
    """

    def __init__(self, frozen: Sequence[nn.Module], states: RowStates) -> None:
        self._states: RowStates | None = states
        self._replayed: torch.Tensor | None = None
        self._seen: torch.Tensor | None = None
        self._at_work = False
        for block in frozen:
            block.forward = self._instead_of(block.forward, last=block is frozen[-1])

    @contextmanager
    def serving(self, batch: MicroBatch) -> Iterator[None]:
        """Spare the frozen blocks a forward pass over rows that are known; else learn them."""
        self._replayed = self._recall(batch)
        self._at_work = True
        try:
            yield
            self._learn(batch)
        finally:
            self._replayed, self._seen, self._at_work = None, None, False

    def close(self) -> None:
        """Keep nothing any more."""
        if self._states is not None:
            self._states.close()
            self._states = None

    def _instead_of(self, plain: Any, *, last: bool) -> Any:
        def forward(hidden: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
            if self._replayed is not None:
                return self._replayed if last else hidden
            output: torch.Tensor = plain(hidden, *args, **kwargs)
            if last and self._at_work:
                self._seen = output.detach()
            return output

        return forward

    def _recall(self, batch: MicroBatch) -> torch.Tensor | None:
        """Return (1, T, hidden) for the packed rows, None where one is not known."""
        if self._states is None or not self._states.knows(batch.rows):
            return None
        try:
            rows = [self._states.read(row) for row in batch.rows]
        except OSError:
            self.close()
            return None
        return torch.cat(rows)[None].to(batch.ids.device)

    def _learn(self, batch: MicroBatch) -> None:
        if self._states is None or self._seen is None:
            return
        rows = torch.split(self._seen[0], list(batch.lengths))
        try:
            for row, states in zip(batch.rows, rows, strict=True):
                self._states.write(row, states)
        except OSError:
            self.close()


def open_prefix(
    passage: Passage, rows: Sequence[Example], folder: Path, *, epochs: float
) -> Generator[Notice, None, PrefixCache | None]:
    """Return the cache of a run, None where there is nothing to spare; tell either."""
    model = passage.model
    frozen = frozen_blocks(model)
    hidden, dtype = model.config.get_text_config().hidden_size, model.dtype
    needed = sum(lengths_of(rows)) * hidden * dtype.itemsize
    try:
        why_not = _why_not(passage, frozen, epochs)
        if not why_not and shutil.disk_usage(folder).free < _HEADROOM * needed:
            why_not = f"it would need {needed / 1e9:.1f} GB of the disk"
        states = None if why_not else RowStates(folder / FILE, rows, hidden, dtype)
    except OSError as error:
        why_not, states = f"the disk refuses ({error.strerror or error})", None
    if states is None:
        yield Notice(level="info", message=f"No activations are kept: {why_not}.")
        return None
    message = (
        f"Keeping what the lowest {len(frozen)} blocks make of each row, {needed / 1e6:.0f} MB: "
        "from the second epoch on their forward pass is spared."
    )
    yield Notice(level="info", message=message)
    return PrefixCache(frozen, states)


def _why_not(passage: Passage, frozen: Sequence[nn.Module], epochs: float) -> str:
    """Return why keeping activations is impossible or of no use, "" where it is neither."""
    if epochs <= 1:
        return "no row is read twice"
    if not passage.packed:
        return "the rows are padded"
    if not frozen:
        return "the lowest block is adapted, or draws random numbers"
    returned = inspect.signature(type(frozen[-1]).forward).return_annotation
    if returned not in (torch.Tensor, "torch.Tensor"):
        return "the blocks of this model return more than hidden states"
    return ""


def frozen_blocks(model: PeftModel) -> list[nn.Module]:
    """Return the blocks below the first adapted one that give the same for a row every time."""
    config = model.config.get_text_config()
    if any(getattr(config, name, 0) for name in ("attention_dropout", "attn_pdrop")):
        return []
    frozen: list[nn.Module] = []
    for block in blocks_of(model):
        modules = list(block.modules())
        chance = any(isinstance(module, nn.Dropout) and module.p > 0 for module in modules)
        if chance or any(isinstance(module, LoraLayer) for module in modules):
            break
        frozen.append(block)
    return frozen
