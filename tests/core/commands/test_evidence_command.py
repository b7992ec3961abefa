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


@pytest.mark.parametrize("by", ["data", "sensitivity"])
def test_an_adapter_is_cut_by_what_was_measured(
    trained: RunFolder, by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(trained.path)
    with ignored_warnings():
        assert main(["evidence", run, "--measure", "use", "--rows", "training", "--json"]) == 0
    use = json.loads(capsys.readouterr().out)
    command = ["truncate", run, "--json", "--parameters"]
    documents = {}
    for how in ("weights", by):
        assert main([*command, "300", "--by", how]) == 0
        documents[how] = json.loads(capsys.readouterr().out)
        assert 0 < documents[how]["parameters"] <= 300
    assert documents[by]["error"] >= documents["weights"]["error"]  # σ² leaves the least behind
    assert use["measure"] == "use"


def test_an_adapter_is_cut_by_the_size_of_its_base(
    trained: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(trained.path)
    with ignored_warnings():
        assert main(["evidence", run, "--measure", "base", "--json"]) == 0
    capsys.readouterr()
    kept = []
    for share in ("0", "1e-4", "1e9"):
        status = main(["truncate", run, "--above", share, "--json"])
        printed = capsys.readouterr().out
        kept.append(json.loads(printed)["parameters"] if status == 0 else 0)
    assert kept[0] >= kept[1] >= kept[2]
    assert kept[0] > 0


def test_what_was_not_measured_cannot_choose(
    trained: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["truncate", str(trained.adapter_dir), "--parameters", "300", "--by", "data"]) == 2
    assert "no run.toml" in capsys.readouterr().err
    assert main(["truncate", str(trained.path), "--rank", "1", "--by", "data"]) == 2
    assert "Give --parameters" in capsys.readouterr().err


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
