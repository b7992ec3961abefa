"""The order of rows resumes exactly."""

import json

import pytest

from core.data.batches import Order


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
