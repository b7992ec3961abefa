"""Where results are kept, and what makes them be measured anew."""

import os
from pathlib import Path

import pytest

from core.errors import UserError
from core.ranks.curve import LossCurve
from core.ranks.evidence_shelf import Shelf, keep_evidence, load_evidence
from core.ranks.intruders import Intruders
from tests.core.ranks.rank_folders import Q3, pair, write_adapter

RESULT = Intruders(sigma=[3.0, 1.0], low=[0.2, 0.9], high=[0.4, 1.0], closest=(0, 1))


def test_a_result_comes_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "new" / "base-1.json"
    keep_evidence(file, RESULT)
    again = load_evidence(file, Intruders)
    assert again is not None
    assert again.model_dump_json() == RESULT.model_dump_json()
    assert again.verdicts() == ("intruder", "no intruder")
    assert again.verdicts(threshold=0.3)[0] == "borderline"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"sigma": [1e999], "low": 1}'])
def test_a_damaged_result_is_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(content)
    assert load_evidence(file, Intruders) is None
    assert load_evidence(file, LossCurve) is None
    assert load_evidence(tmp_path / "gone.json", Intruders) is None


def test_another_adapter_or_setting_is_another_file(tmp_path: Path, home: Path) -> None:
    folder = write_adapter(tmp_path / "adapter", pair(Q3))
    first = Shelf(folder).file("curve", {"examples": 5})
    assert first == Shelf(folder).file("curve", {"examples": 5})
    assert first.is_relative_to(home / "evidence")
    assert first != Shelf(folder).file("curve", {"examples": 6})
    assert first != Shelf(folder).file("use", {"examples": 5})
    write_adapter(folder, pair(Q3, seed=1))
    weights = folder / "adapter_model.safetensors"
    later = weights.stat().st_mtime_ns + 10
    os.utime(weights, ns=(later, later))
    assert first != Shelf(folder).file("curve", {"examples": 5})


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be kept"):
        keep_evidence(tmp_path / "file" / "x.json", RESULT)
