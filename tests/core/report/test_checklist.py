"""The page about the checks is written from them, and nothing on the list is left out."""

from pathlib import Path

from core.checks import CHECKS
from core.checks.base import NUMBERS
from core.report.checklist import CANNOT_HAPPEN, LIST, page

ROOT = Path(__file__).parents[3]


def test_every_item_of_the_list_is_answered() -> None:
    answered = {number for numbers in NUMBERS.values() for number in numbers}
    assert sorted(LIST) == list(range(1, 39))
    assert answered | set(CANNOT_HAPPEN) == set(LIST)
    assert not answered & set(CANNOT_HAPPEN)
    assert set(NUMBERS) == set(CHECKS)


def test_the_page_is_what_the_checks_say() -> None:
    assert (ROOT / "docs" / "checks.md").read_text("utf-8") == page(), "run `make docs`"
