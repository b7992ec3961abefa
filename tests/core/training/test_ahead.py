"""Batches made ahead are those that would have been made in time."""

from core.data.batches import Order
from core.data.encode import Example
from core.training.ahead import Batches
from core.training.micro_batch import Layout

ROWS = [Example(ids=(i,) * (i + 2), trained=(False,) + (True,) * (i + 1), row=i) for i in range(7)]
PACKED = Layout(3, 16, 0)


def test_rows_come_in_their_order_with_its_state_after_each() -> None:
    batches, order = Batches(ROWS, Order(7, seed=1), 3), Order(7, seed=1)
    for _ in range(6):
        batch = batches.take(PACKED)
        assert [row.row for row in batch.rows] == order.take(3)
        assert batch.order == order.state
        assert sorted(row for part in batch.micro_batches for row in part.rows) == sorted(
            row.row for row in batch.rows
        )
    batches.close()


def test_another_layout_holds_from_the_batch_that_was_made_already() -> None:
    batches = Batches(ROWS, Order(7, seed=1), 3)
    batches.take(PACKED)
    single = Layout(1, 0, 0)
    batch = batches.take(single)
    assert batch.layout == single
    assert [len(part.rows) for part in batch.micro_batches] == [1, 1, 1]
    batches.close()
