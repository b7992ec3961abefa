"""What is said of a place that cannot be written fits the reason."""

import errno
from pathlib import Path

import pytest

from core.errors import UserError
from core.refusals import way_out
from core.run_folder import RunFolder
from core.settings import RunSettings


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EACCES, "rights"),
        (errno.EROFS, "rights"),
        (errno.ENAMETOOLONG, "shorter"),
        (errno.ENOTDIR, "is a file"),
        (errno.ENOENT, "another folder"),
        (None, "another folder"),
    ],
)
def test_the_hint_fits_the_reason(number: int | None, says: str) -> None:
    error = OSError() if number is None else OSError(number, "…")
    assert says in way_out(error)
    assert ("space" in way_out(error)) == (number == errno.ENOSPC)


def test_a_run_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("…")
    with pytest.raises(UserError) as caught:
        RunFolder.create(tmp_path / "notes.txt" / "run", RunSettings())
    assert "is a file" in caught.value.hint


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        RunFolder.create(tmp_path / ("x" * 300), RunSettings())
    assert "shorter" in caught.value.hint
