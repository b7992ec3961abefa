"""Rows become micro-batches: every row once, within the budget, padding told by position."""

import random

import pytest
import torch

from core.data.encode import Example
from core.training.micro_batch import Layout
from core.training.packing import pack


def example(ids: tuple[int, ...], trained: tuple[bool, ...], row: int = 0) -> Example:
    return Example(ids=ids, trained=trained, row=row)


@pytest.mark.parametrize("seed", range(20))
def test_every_row_goes_into_one_bin_within_the_budget(seed: int) -> None:
    dice = random.Random(seed)
    lengths = [dice.randint(1, 100) for _ in range(dice.randint(1, 60))]
    bins = pack(lengths, 128)
    assert sorted(row for chosen in bins for row in chosen) == list(range(len(lengths)))
    loads = [sum(lengths[row] for row in chosen) for chosen in bins]
    assert max(loads) <= 128
    fewest = -(-sum(lengths) // 128)
    assert len(bins) <= 11 / 9 * fewest + 1


def test_the_fullest_bin_that_fits_is_taken() -> None:
    # 7 and 6 open two bins of 10; 3 fits both and goes to the fuller one, 4 to the other
    assert pack([3, 7, 6, 4], 10) == [[1, 0], [2, 3]]


def test_a_row_beyond_the_budget_is_alone() -> None:
    assert pack([5, 20], 10) == [[1], [0]]


def test_equal_rows_keep_their_order() -> None:
    assert pack([4, 4, 4, 4], 8) == [[0, 1], [2, 3]]


def test_a_packed_micro_batch_needs_no_more_tokens_than_a_padded_one() -> None:
    rows = [example((1,) * n, (False,) * n) for n in (3, 10, 5, 2, 9, 9)]
    packed = Layout.of(rows, 2, 0, packed=True)
    assert packed.budget == 20
    assert max(packed.tensors(part).ids.numel() for part in packed.split(rows)) <= 20


ROWS = [
    example((1, 2, 9), (False, True, True), row=4),  # 9 is the padding token as well
    example((3,), (False,), row=5),
    example((6, 7), (False, True), row=6),
]


def test_padding_is_masked_by_position() -> None:
    batch = Layout(3, 0, pad_id=9).tensors(ROWS)
    assert batch.mask is not None
    assert batch.ids.tolist() == [[1, 2, 9], [3, 9, 9], [6, 7, 9]]
    assert batch.mask.tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    assert batch.targets.tolist() == [2, 9, 7]
    assert batch.predictors.tolist() == [0, 1, 6]
    assert (batch.tokens, batch.rows) == (6, (4, 5, 6))


def test_packed_rows_lie_end_to_end() -> None:
    batch = Layout(3, 9, pad_id=9).tensors(ROWS)
    assert batch.mask is None
    assert batch.ids.tolist() == [[1, 2, 9, 3, 6, 7]]
    assert batch.positions.tolist() == [[0, 1, 2, 0, 0, 1]]
    assert batch.targets.tolist() == [2, 9, 7]
    assert batch.predictors.tolist() == [0, 1, 4]
    assert batch.lengths == (3, 1, 2)
    assert {batch.ids.dtype, batch.targets.dtype} == {torch.int64}
