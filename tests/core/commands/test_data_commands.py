"""`rankscope tokens` and `rankscope check`."""

import json
from pathlib import Path

import pytest

from core.cli import main
from core.settings import RunSettings, save_settings


@pytest.fixture
def run_file(tiny_model: Path, tmp_path: Path) -> str:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "Hi", "response": "Ho"}\n{"prompt": "He", "response": "Ha"}\n')
    settings = RunSettings().with_changes({"model.source": str(tiny_model), "data.path": str(rows)})
    save_settings(settings, tmp_path / "run.toml")
    return str(tmp_path / "run.toml")


def test_tokens_for_people(run_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokens", run_file, "--row", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Row 1 (counted from 0)"
    assert lines[1].split() == ["1", "masked", "'<|im_start|>'"]
    assert any(line.split()[1:] == ["trained", "'<|im_end|>'"] for line in lines)
    assert lines[-1].endswith("0 cut")


def test_tokens_as_json(run_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokens", run_file, "--json", "--set", "data.max_length=8"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["row"] == 0
    assert [token["state"] for token in document["tokens"]].count("masked") == 8
    assert document["tokens"][-1]["state"] == "cut"


def test_check_as_json_lists_what_blocks_first(
    run_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", run_file, "--json", "--set", "adapter.targets=c_attn"]) == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert (checks[0]["id"], checks[0]["level"]) == ("targets", "block")
    assert all(set(check) == {"id", "level", "message", "fix", "changes"} for check in checks)


def test_check_for_people(run_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", run_file]) == 0
    out = capsys.readouterr().out
    assert "ok     targets" in out
    assert "→" in out


def test_a_missing_column_is_one_clear_message(
    run_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tokens", run_file, "--set", "data.answer_column=respones"]) == 2
    error = capsys.readouterr().err
    assert "error: rows.jsonl, line 1: There is no column called 'respones'." in error
    assert "hint: Did you mean 'response'?" in error


def test_check_tries_the_run_when_asked_to(
    run_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", run_file, "--json"]) == 0
    quick = {check["id"] for check in json.loads(capsys.readouterr().out)["checks"]}
    assert main(["check", run_file, "--json", "--try"]) == 0
    checks = {check["id"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert set(checks) - quick == {"rehearsal", "packing"}
    assert checks["rehearsal"]["level"] == "ok"
    assert "all 14 modules learn" in checks["rehearsal"]["message"]


def test_tokens_of_a_folder_and_of_a_pattern(
    run_file: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_bytes((tmp_path / "rows.jsonl").read_bytes())
    (tmp_path / "data" / "b.jsonl").write_text('{"prompt": "Hu", "response": "He"}\n')
    for path in (tmp_path / "data", tmp_path / "data" / "*.jsonl"):
        assert main(["tokens", run_file, "--row", "2", "--set", f"data.path={path}"]) == 0
        assert "Row 2" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a\0b.jsonl", "\udcff.jsonl", "x" * 300, "~nobody-here/a.jsonl"])
def test_paths_that_lead_nowhere(
    name: str, run_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["tokens", run_file], ["train", run_file]):
        assert main([*command, "--set", f"data.path={name}"]) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ")
        assert "hint: " in said
        assert "Free some space" not in said
