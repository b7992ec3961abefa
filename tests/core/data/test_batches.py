"""The order of rows resumes exactly; padding is masked by position."""

import json

import pytest
import torch

from core.data.batches import Order, collate
from core.data.encode import Example


def test_an_epoch_has_every_row_once() -> None:
    order = Order(10, seed=3)
    first, second = order.take(10), order.take(10)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert first != Order(10, seed=4).take(10)


def test_a_resumed_order_goes_on_as_if_it_had_never_stopped() -> None:
    whole = Order(7, seed=1).take(100)
    for stop in (0, 3, 7, 8, 14, 55):
        order = Order(7, seed=1)
        taken = order.take(stop)
        resumed = Order.from_state(json.loads(json.dumps(order.state)))
        assert taken + resumed.take(100 - stop) == whole


def test_the_size_of_a_piece_does_not_matter() -> None:
    whole = Order(7, seed=1).take(30)
    order = Order(7, seed=1)
    assert [i for _ in range(10) for i in order.take(3)] == whole


def test_a_state_that_fits_no_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="no order"):
        Order(0, seed=1)
    with pytest.raises(ValueError, match="no order"):
        Order(3, seed=1, cursor=4)


def test_padding_is_masked_by_position() -> None:
    pad = 9  # also the last token of the first row, where it must stay a label
    rows = [
        Example(ids=(1, 2, 9), trained=(False, True, True), row=0),
        Example(ids=(3,), trained=(False,), row=1),
    ]
    batch = collate(rows, pad)
    assert batch["input_ids"].tolist() == [[1, 2, 9], [3, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [[-100, 2, 9], [-100, -100, -100]]
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}


def test_an_empty_row_is_only_padding() -> None:
    batch = collate(
        [Example(ids=(), trained=(), row=0), Example(ids=(1,), trained=(False,), row=1)], 0
    )
    assert batch["attention_mask"].tolist() == [[0], [1]]
