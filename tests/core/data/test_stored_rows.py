"""Rows in a file are the rows that were put in, wherever they lie."""

from pathlib import Path
from typing import Any

import pytest

from core.data import stored_rows
from core.data.stored_rows import StoredRows
from core.data.table import Message
from core.errors import UserError

ROWS = [(Message("user", f"What is {i}? é𝄞\n"), Message("assistant", "x" * i)) for i in range(300)]


@pytest.mark.parametrize("spill", [10, 1 << 20])
def test_rows_come_back_in_any_order(spill: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_rows, "SPILL", spill)
    rows = StoredRows(ROWS[:200])
    assert rows[7] == ROWS[7]
    rows.extend(ROWS[200:])
    assert rows[-1] == ROWS[-1]
    assert rows[10:50:7] == ROWS[10:50:7]
    assert list(rows) == ROWS
    assert rows == ROWS
    assert rows != ROWS[:-1]
    with pytest.raises(IndexError):
        rows[300]


def test_equal_rows_have_equal_lines_and_others_do_not() -> None:
    rows = StoredRows([*ROWS, ROWS[5]])
    assert len(set(rows.lines())) == len(ROWS)


def test_a_full_disk_is_said_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = StoredRows(ROWS[:3])

    def full(_line: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(rows._file, "write", full)
        with pytest.raises(UserError, match="no room for the rows"):
            rows.extend(ROWS[3:])
    rows.extend(ROWS[3:])
    assert rows == ROWS


def test_a_temporary_file_vanishes_with_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(stored_rows, "SPILL", 10)
    rows: Any = StoredRows(ROWS)
    del rows
    assert list(tmp_path.iterdir()) == []
