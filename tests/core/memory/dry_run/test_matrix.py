"""Formulas and dry run on published models, over settings of which any two meet in one case."""

from itertools import combinations, product
from statistics import mean
from typing import Any

import pytest

from tests.core.memory.dry_run.matrix import AXES, CASES, Compared, compare, covering


def test_any_two_settings_meet() -> None:
    met = {pair for case in CASES for pair in combinations(_items(case.values), 2)}
    for one, two in combinations(AXES, 2):
        for x, y in product(AXES[one], AXES[two]):
            assert ((one, _word(x)), (two, _word(y))) in met


def test_a_cover_is_small_and_always_the_same() -> None:
    axes = {name: range(3) for name in "abcd"}
    once, again = list(covering(axes)), list(covering(axes))
    assert once == again
    assert 9 <= len(once) <= 13  # of 81


def _items(values: Any) -> list[tuple[str, str]]:
    return [(name, _word(value)) for name, value in values.items()]


def _word(value: Any) -> str:
    return str(getattr(value, "label", getattr(value, "name", value)))


@pytest.fixture(scope="module")
def compared() -> list[Compared]:
    return [compare(case) for case in CASES]


@pytest.mark.slow
def test_nearly_everything_can_be_traced(compared: list[Compared]) -> None:
    assert [each.why_not for each in compared if each.why_not] == []


@pytest.mark.slow
@pytest.mark.parametrize(("within", "share"), [(0.02, 0.70), (0.05, 0.80), (0.15, 0.95)])
def test_formulas_and_dry_run_agree(compared: list[Compared], within: float, share: float) -> None:
    assert mean(abs(each.error) < within for each in compared) > share
