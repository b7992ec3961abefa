"""Means and standard errors of losses per token."""

import numpy as np
import pytest

from core.ranks.paired import increase, mean_loss


def test_rows_of_one_length_give_the_textbook_standard_error() -> None:
    losses = np.random.default_rng(0).normal(3.0, 1.0, 50)
    found = mean_loss(losses * 7, np.full(50, 7.0))
    assert found.mean == pytest.approx(losses.mean())
    assert found.error == pytest.approx(losses.std(ddof=1) / np.sqrt(50))


def test_the_error_is_the_spread_over_other_draws_of_examples() -> None:
    random = np.random.default_rng(1)
    drawn = []
    for _ in range(3000):
        tokens = random.integers(3, 40, 60).astype(float)
        drawn.append(mean_loss(tokens * random.normal(2.0, 0.5, 60), tokens))
    spread = np.std([estimate.mean for estimate in drawn])
    assert np.mean([estimate.error for estimate in drawn]) == pytest.approx(spread, rel=0.05)


def test_pairing_takes_out_what_makes_an_example_hard() -> None:
    random = np.random.default_rng(2)
    tokens = random.integers(3, 40, 100).astype(float)
    hard = tokens * random.uniform(1, 9, 100)
    worse = hard + tokens * (0.1 + 0.01 * random.standard_normal(100))
    assert increase(worse, hard, tokens).mean == pytest.approx(0.1, abs=0.005)
    assert increase(worse, hard, tokens).error < mean_loss(hard, tokens).error / 100


def test_one_example_has_no_error() -> None:
    assert mean_loss(np.array([6.0]), np.array([3.0])) == mean_loss(
        np.array([4.0]), np.array([2.0])
    )
