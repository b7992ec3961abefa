"""A micro-batch as tensors: packed into one sequence, or one row each and padded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import torch

from core.data.encode import Example
from core.data.token_rows import lengths_of
from core.training.packing import pack


@dataclass(frozen=True)
class MicroBatch:
    """Rows that go through the model at once; T = rows · longest, or the sum of all lengths.

    Attributes:
        ids: Token ids, (rows, longest) padded on the right, or (1, T) packed.
        positions: Position of each token in its own row, of the same shape.
        mask: 1 for tokens and 0 for padding, (rows, longest); None where rows are packed.
        predictors: Flat indices of the positions that predict a trained token, (N,).
        targets: Those tokens, (N,).
        lengths: Tokens of each row.
        rows: Their indices in the table.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor | None
    predictors: torch.Tensor
    targets: torch.Tensor
    lengths: tuple[int, ...]
    rows: tuple[int, ...]

    @property
    def tokens(self) -> int:
        """Real tokens, without padding."""
        return sum(self.lengths)

    def to(self, device: torch.device) -> "MicroBatch":
        """Return it on `device`; the lengths stay where they are."""
        if self.ids.device == device:
            return self
        return replace(
            self,
            ids=self.ids.to(device),
            positions=self.positions.to(device),
            mask=None if self.mask is None else self.mask.to(device),
            predictors=self.predictors.to(device),
            targets=self.targets.to(device),
        )


@dataclass(frozen=True)
class Layout:
    """How rows become micro-batches.

    Attributes:
        micro_batch: Rows that go through at once where they are padded.
        budget: Tokens that go through at once where rows are packed; 0: they are padded.
        pad_id: The padding token.
    """

    micro_batch: int
    budget: int
    pad_id: int

    @classmethod
    def of(
        cls, rows: Sequence[Example], micro_batch: int, pad_id: int, *, packed: bool
    ) -> "Layout":
        """Return the layout for these rows.

        A packed micro-batch holds as many tokens as a padded one of the longest rows would, so that
        the memory is what was planned for it.
        """
        longest = max(lengths_of(rows), default=1)
        return cls(micro_batch, micro_batch * longest if packed else 0, pad_id)

    def split(self, rows: Sequence[Example]) -> list[list[Example]]:
        """Distribute rows over micro-batches."""
        if self.budget:
            bins = pack([len(row.ids) for row in rows], self.budget)
            return [[rows[i] for i in chosen] for chosen in bins]
        starts = range(0, len(rows), self.micro_batch)
        return [list(rows[start : start + self.micro_batch]) for start in starts]

    def largest(self, rows: Sequence[Example]) -> int:
        """Return the tokens of the largest micro-batch of these rows, padding included."""
        parts = [[len(row.ids) for row in part] for part in self.split(rows)]
        return max(sum(part) if self.budget else len(part) * max(part) for part in parts)

    def shrunk(self, rows: Sequence[Example]) -> "Layout | None":
        """Halve the micro-batch until the largest of these rows is smaller; None if none is."""
        layout, before = self, self.largest(rows)
        while layout.micro_batch > 1:
            half = layout.micro_batch // 2
            layout = replace(
                layout, micro_batch=half, budget=layout.budget * half // layout.micro_batch
            )
            if layout.largest(rows) < before:
                return layout
        return None

    def tensors(self, rows: Sequence[Example]) -> MicroBatch:
        """Return one micro-batch on the CPU."""
        return _packed(rows) if self.budget else _padded(rows, self.pad_id)


def _packed(rows: Sequence[Example]) -> MicroBatch:
    lengths = tuple(len(row.ids) for row in rows)
    starts = [0, *accumulate(lengths)][:-1]
    predictors, targets = _predictions(rows, starts)
    return MicroBatch(
        ids=torch.cat([torch.tensor(row.ids, dtype=torch.long) for row in rows])[None],
        positions=torch.cat([torch.arange(length) for length in lengths])[None],
        mask=None,
        predictors=predictors,
        targets=targets,
        lengths=lengths,
        rows=tuple(row.row for row in rows),
    )


def _padded(rows: Sequence[Example], pad_id: int) -> MicroBatch:
    """Pad on the right; what is padding is told by position, never by id.

    Where the padding token is also the end-of-turn token, masking by id would teach the model
    never to stop.
    """
    lengths = tuple(len(row.ids) for row in rows)
    longest = max(lengths)
    ids = torch.full((len(rows), longest), pad_id)
    for i, row in enumerate(rows):
        ids[i, : lengths[i]] = torch.tensor(row.ids)
    positions = torch.arange(longest).expand(len(rows), -1)
    predictors, targets = _predictions(rows, range(0, len(rows) * longest, longest))
    return MicroBatch(
        ids=ids,
        positions=positions,
        mask=(positions < torch.tensor(lengths)[:, None]).long(),
        predictors=predictors,
        targets=targets,
        lengths=lengths,
        rows=tuple(row.row for row in rows),
    )


def _predictions(
    rows: Sequence[Example], starts: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where trained tokens are predicted, one position before them, and the tokens."""
    places, targets = [], []
    for row, start in zip(rows, starts, strict=True):
        trained = torch.tensor(row.trained, dtype=torch.bool).nonzero().squeeze(1)
        places.append(trained + (start - 1))
        targets.append(torch.tensor(row.ids, dtype=torch.long)[trained])
    return torch.cat(places), torch.cat(targets)
