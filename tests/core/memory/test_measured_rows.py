"""The planner against memory that others have measured, each row under its own software.

The rows are public: each names its source. "A" are exact peaks of torch's allocator on one GPU,
"A-res" and "A-smi" what the process held, "A-oom" runs that ended out of memory.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import mean

import pytest

from core.memory.amounts import GIB
from core.memory.table import Prediction, predict, read_rows
from core.memory.table.rows import Row

ROWS = Path(__file__).parent / "measured_rows.csv"


@cache
def predicted() -> list[tuple[Row, Prediction]]:
    return [(row, predict(row)) for row in read_rows(ROWS)]


def errors(tier: str) -> list[float]:
    """Return predicted over measured minus one for the rows of a tier that have both."""
    return [
        found.bytes_in_metric(row) / GIB / float(row.text("peak_gib")) - 1
        for row, found in predicted()
        if row.text("tier") == tier and row.text("peak_gib") and found.plan
    ]


def absolute(values: Sequence[float]) -> list[float]:
    return sorted(abs(value) for value in values)


def test_the_allocators_peak_is_right_to_a_hundredth() -> None:
    off = absolute(errors("A"))
    assert len(off) == 93
    assert mean(off) < 0.01
    assert off[round(0.95 * len(off)) - 1] < 0.03
    assert off[-1] < 0.05


def test_it_is_not_right_by_leaning_to_one_side() -> None:
    assert abs(mean(errors("A"))) < 0.005


@pytest.mark.parametrize("tier", ["A-res", "A-smi"])
def test_the_whole_process_is_right_to_a_tenth(tier: str) -> None:
    assert mean(absolute(errors(tier))) < 0.10


def test_who_ran_out_of_memory_is_told_from_who_did_not() -> None:
    judged: dict[bool, list[bool]] = {True: [], False: []}
    for row, found in predicted():
        if row.text("tier") in ("A", "A-oom") and found.fits is not None:
            judged[row.text("outcome") == "ok"].append(found.fits)
    assert mean(judged[True]) > 0.95
    assert not any(judged[False])
