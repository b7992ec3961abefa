"""What the rows tell the planner."""

import random

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


def test_packed_rows_are_drawn_at_random() -> None:
    """Against draws: the largest of as many steps as the run has."""
    dice = random.Random(3)
    lengths = [dice.randint(20, 116) for _ in range(2000)]
    settings = RunSettings().with_changes({"training.micro_batch": 8, "training.steps": 60})
    drawn = [max(sum(dice.sample(lengths, 8)) for _ in range(60)) for _ in range(50)]
    together = Known.of_rows(lengths, lengths, settings).together
    assert together == pytest.approx(sum(drawn) / len(drawn), rel=0.03)


def test_equal_rows_fill_the_micro_batch() -> None:
    settings = RunSettings().with_changes({"training.micro_batch": 4, "data.max_length": 64})
    assert Known.of_rows([100] * 9, [10] * 9, settings).together == 4 * 64


def test_several_micro_batches_are_no_larger_than_one_of_the_longest_rows() -> None:
    changes = {"training.micro_batch": 2, "training.accumulation": 8}
    settings = RunSettings().with_changes(changes)
    assert Known.of_rows([100] * 99 + [120], [1] * 100, settings).together == 2 * 120
