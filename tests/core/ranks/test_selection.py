"""Which components stay, against trying all ways."""

from itertools import product

import numpy as np
import pytest

from core.ranks.selection import (
    Ranking,
    by_budget,
    by_energy,
    parameters_of,
    ranks_of,
    uniform,
)

SIGMA = {"a": np.array([3.0, 1.0, 0.5]), "b": np.array([2.0, 1.9, 0.1])}
SHAPES = {"a": (4, 6), "b": (4, 6)}


def test_uniform_keeps_what_there_is() -> None:
    assert ranks_of(uniform({**SIGMA, "c": np.ones(1)}, 2)) == {"a": 2, "b": 2, "c": 1}


@pytest.mark.parametrize("components", range(7))
def test_a_budget_leaves_the_smallest_error(components: int) -> None:
    kept = by_budget(SIGMA, SHAPES, 10 * components)
    assert parameters_of(ranks_of(kept), SHAPES) <= 10 * components
    left = sum((SIGMA[name][~mask] ** 2).sum() for name, mask in kept.items())
    best = min(
        (SIGMA["a"][i:] ** 2).sum() + (SIGMA["b"][j:] ** 2).sum()
        for i, j in product(range(4), range(4))
        if i + j <= components
    )
    assert left == pytest.approx(best)


def test_wide_modules_cost_more() -> None:
    kept = by_budget(SIGMA, {"a": (4, 6), "b": (400, 600)}, 1030)
    assert ranks_of(kept) == {"a": 3, "b": 1}


def test_energy_is_that_of_every_module() -> None:
    energies = {name: values**2 for name, values in SIGMA.items()}
    assert ranks_of(by_energy(energies, 0.9)) == {"a": 2, "b": 2}
    assert ranks_of(by_energy(energies, 1.0)) == {"a": 3, "b": 3}


def test_the_data_may_prefer_a_later_component() -> None:
    kept = by_energy({"a": np.array([1.0, 0.0, 8.0])}, 0.8)
    assert kept["a"].tolist() == [False, False, True]


def test_what_is_untrained_keeps_nothing() -> None:
    assert ranks_of(by_energy({"a": np.zeros(3)}, 0.9)) == {"a": 0}


@pytest.mark.parametrize("parameters", [0, 9, 10, 35, 1000])
def test_counting_a_budget_is_choosing_it(parameters: int) -> None:
    worth = {name: values**2 for name, values in SIGMA.items()}
    ranking = Ranking(worth, SHAPES)
    assert ranking.ranks_within(parameters) == ranks_of(ranking.within(parameters))
    assert ranking.ranks_within(parameters) == ranks_of(by_budget(SIGMA, SHAPES, parameters))
