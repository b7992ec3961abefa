"""The table of the proofs is filled from their files, and from nothing else."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("report", ROOT / "scripts" / "proof_report.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "proof").mkdir()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "proof")
    monkeypatch.setattr(module, "PAGE", tmp_path / "page.md")
    module.PAGE.write_text("before\n" + module.BEGIN + module.END + "after\n")
    return module


def leave(script: ModuleType, name: str, passed: int) -> None:
    content = {"id": name, "passed": passed, "of": 1000, "detail": "words"}
    (script.RESULTS / f"{name}.json").write_text(json.dumps(content))


def rows(script: ModuleType) -> list[list[str]]:
    lines = [line for line in script.PAGE.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_results_come_in_the_order_of_the_proofs(script: ModuleType) -> None:
    for name in ("D1", "R10", "R2-control", "R2"):
        leave(script, name, 1000)
    script.main()
    assert [row[0] for row in rows(script)] == ["R2", "R2-control", "R10", "D1"]
    assert rows(script)[0][1:3] == ["1,000", "1,000"]


def test_a_new_result_replaces_the_old_and_the_others_stay(script: ModuleType) -> None:
    leave(script, "R1", 30)
    leave(script, "R2", 300)
    script.main()
    (script.RESULTS / "R1.json").unlink()
    leave(script, "R2", 299)
    script.main()
    assert [row[:2] for row in rows(script)] == [["R1", "30"], ["R2", "299"]]
    assert script.PAGE.read_text().startswith("before\n")
    assert script.PAGE.read_text().endswith("after\n")
