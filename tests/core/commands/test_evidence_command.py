"""`rankscope evidence` in the terminal."""

import json
from pathlib import Path

import pytest

from core.cli import main
from core.run_folder import RunFolder
from tests.core.evidence.conftest import train_run, trained
from tests.core.training.engine import ignored_warnings

__all__ = ["train_run", "trained"]


def test_the_verdict_of_a_run(trained: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    with ignored_warnings():
        assert main(["evidence", str(trained.path)]) == 0
    printed = capsys.readouterr().out
    assert "held-out examples" in printed
    assert "uniform" in printed
    assert main(["evidence", str(trained.path), "--json", "--tolerance", "0.3"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"]["rank"] == 1
    assert {point["mode"] for point in document["points"]} > {"uniform", "functional"}


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ("use", "Largest sensitivities"),
        ("base", "Amplification factor: median"),
        ("losses", "rank 2"),
    ],
)
def test_the_other_measurements(
    trained: RunFolder, measure: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evidence", str(trained.path), "--measure", measure, "--rank", "2"]
    with ignored_warnings():
        assert main(command) == 0
    assert words in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measure"] == measure


def test_a_folder_of_another_program(
    trained: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = str(trained.adapter_dir)
    assert main(["evidence", adapter]) == 2
    assert "Name it with --base" in capsys.readouterr().err
    base = ["--base", trained.settings.model.source]
    assert main(["evidence", adapter, *base]) == 2
    assert "--data" in capsys.readouterr().err
    data = ["--data", trained.settings.data.path, "--examples", "6"]
    with ignored_warnings():
        assert main(["evidence", adapter, *base, *data, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["rows"], document["examples"]) == ("all", 6)
    assert not list(Path(adapter).glob("*curve*"))


def test_damping_writes_a_new_folder(
    trained: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["damp", str(trained.path), "--out", str(tmp_path / "damped")]
    assert main([*command, "--strength", "3"]) == 2
    with ignored_warnings():
        assert main(command) == 0
    assert "intruder dimensions in" in capsys.readouterr().out
    assert main(["ranks", str(tmp_path / "damped")]) == 0
