"""What the rows tell the planner."""

import pytest

from core.memory.workload import Known
from core.settings import RunSettings


def test_the_longest_micro_batch_counts() -> None:
    settings = RunSettings().with_changes({"training.micro_batch": 2, "data.max_length": 100})
    known = Known.of_rows([10, 80, 40, 20], [1, 20, 30, 5], settings)
    assert known.longest == 80
    assert known.trained_share == pytest.approx((20 + 30) / (2 * 80))


def test_rows_are_cut_at_the_limit() -> None:
    settings = RunSettings().with_changes({"training.micro_batch": 1, "data.max_length": 50})
    assert Known.of_rows([400], [50], settings).longest == 50
    assert Known.of_rows([400], [50], settings).trained_share == 1.0


def test_no_rows_tell_nothing() -> None:
    assert Known.of_rows([], [], RunSettings()) == Known()
