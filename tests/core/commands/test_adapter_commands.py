"""The commands that act on adapters: one JSON document, exit code 0 or 2, and words for people."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.run_folder import RunFolder
from core.settings import RunSettings, load_settings
from tests.core.ranks.rank_folders import Q3, UP0, pair, write_adapter

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def adapter(tmp_path: Path) -> str:
    return str(write_adapter(tmp_path / "a", {**pair(Q3), **pair(UP0, (24, 10))}))


@pytest.fixture
def other(tmp_path: Path) -> str:
    return str(write_adapter(tmp_path / "b", pair(Q3, seed=1)))


def run(capsys: Capture, *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    document: dict[str, Any] = json.loads(out)
    return document


@pytest.mark.parametrize("choice", [("--rank", "2"), ("--energy", "0.9"), ("--parameters", "120")])
def test_truncate_plans_then_writes(
    adapter: str, tmp_path: Path, capsys: Capture, choice: tuple[str, str]
) -> None:
    planned = run(capsys, "truncate", adapter, *choice)
    assert planned["written"] is None
    out = tmp_path / "out"
    document = run(capsys, "truncate", adapter, *choice, "--out", str(out), "--profile", "vllm")
    written = document.pop("written")
    assert document == {key: value for key, value in planned.items() if key != "written"}
    assert written["path"] == str(out)
    assert written["parameters"] == document["parameters"] < document["parameters_before"] == 224
    assert set(written["verified"]) == {"vLLM", "PEFT"}
    spectra = run(capsys, "ranks", str(out))
    kept = {module["name"]: module["rank"] for module in spectra["modules"]}
    assert kept == {m["name"]: m["kept"] for m in document["modules"] if m["kept"]}


@pytest.mark.parametrize("to", ["peft", "vllm", "llamacpp", "universal"])
def test_export(adapter: str, tmp_path: Path, capsys: Capture, to: str) -> None:
    document = run(capsys, "export", adapter, "--to", to, "--out", str(tmp_path / to))
    assert (document["format"], document["modules"]) == (to, 2)
    assert (tmp_path / to / "adapter_config.json").is_file()


def test_compare(adapter: str, other: str, capsys: Capture) -> None:
    document = run(capsys, "compare", adapter, other)
    (module,) = document["modules"]
    assert module["name"] == Q3
    assert document["only"] == [[UP0], []]
    assert module["subspaces"]["inputs"]["i"] == [1, 2, 4]
    assert module["subspaces"]["A"]["null"][2] == [0.4, 0.4, 0.4]
    assert -1 <= document["cosine"] == module["cosine"] <= 1


def test_merge(adapter: str, other: str, tmp_path: Path, capsys: Capture) -> None:
    arguments = ("merge", adapter, other, "--weights", "1", "-0.5", "--out", str(tmp_path / "m"))
    document = run(capsys, *arguments)
    assert document["weights"] == [1.0, -0.5]
    assert document["cosines"][0][0] == pytest.approx(1)
    assert {m["name"]: m["kept"] for m in document["modules"]} == {Q3: 8, UP0: 4}
    assert document["written"]["rank"] == 8


def test_grow_clip_and_convert(adapter: str, tmp_path: Path, capsys: Capture) -> None:
    grown = run(capsys, "grow", adapter, "--rank", "9", "--out", str(tmp_path / "grown"))
    assert (grown["rank"], grown["parameters"]) == (9, 9 * 56)
    clipped = run(capsys, "clip", adapter, "--share", "0.5", "--out", str(tmp_path / "clipped"))
    assert all(m["spectral"] == pytest.approx(m["spectral_before"] / 2) for m in clipped["modules"])
    assert run(capsys, "clip", adapter, "--largest", "1e9")["written"] is None
    converted = run(capsys, "convert", adapter, "--out", str(tmp_path / "converted"))
    assert converted["error"] == 0
    same = run(capsys, "compare", adapter, str(tmp_path / "converted"))
    assert same["cosine"] == pytest.approx(1)


def test_retrain_writes_a_run(tiny_model: Path, tmp_path: Path, capsys: Capture) -> None:
    settings = RunSettings().with_changes({"model.source": str(tiny_model), "adapter.rank": 4})
    folder = RunFolder.create(tmp_path / "run", settings)
    tensors = {**pair(Q3.replace("3", "1"), (32, 32)), **pair(UP0, (64, 32))}
    write_adapter(folder.adapter_dir, tensors)
    out = tmp_path / "again.toml"
    document = run(capsys, "retrain", str(folder.path), "--energy", "0.6", "--out", str(out))
    ranks = [m["kept"] for m in document["modules"]]
    assert all(0 < rank < 4 for rank in ranks)
    made = load_settings(out).adapter.model_dump()
    assert made["targets"] == ("q_proj@1", "up_proj@0")
    assert main(["retrain", str(folder.path), "--energy", "0.6", "--out", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("truncate", "A", "--rank", "9"), "larger than that of the adapter, 4", "grow"),
        (("truncate", "A", "--rank", "2", "--out", "A"), "exists already", "nothing is overw"),
        (("truncate", "missing", "--rank", "2"), "does not exist", "path"),
        (("export", "A", "--to", "peft", "--out", "A"), "exists already", "new folder"),
        (("compare", "A", "missing"), "does not exist", "path"),
        (("merge", "A", "B", "--weights", "1"), "2 adapters, but 1 weights", "one for each"),
        (("grow", "A", "--rank", "2", "--out", "x"), "not between", "truncate"),
        (("clip", "A", "--largest", "0"), "above 0", "such as 5"),
        (("retrain", "A", "--rank", "2", "--out", "x.toml"), "not a run folder", "path"),
        (("extract", "nowhere/x", "A", "--rank", "2"), "nowhere", ""),
    ],
)
def test_what_the_user_can_mend(
    adapter: str, other: str, capsys: Capture, arguments: tuple[str, ...], message: str, hint: str
) -> None:
    places = {"A": adapter, "B": other}
    assert main([places.get(argument, argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert hint in captured.err


def test_words_for_people(adapter: str, other: str, tmp_path: Path, capsys: Capture) -> None:
    assert main(["truncate", adapter, "--energy", "0.9"]) == 0
    out = capsys.readouterr().out
    assert "parameters stay" in out
    assert "Nothing was written" in out
    assert main(["merge", adapter, other, "--energy", "0.9", "--out", str(tmp_path / "m")]) == 0
    assert "Read back by the rule of each runtime" in capsys.readouterr().out
    assert main(["compare", adapter, other]) == 0
    assert "by chance" in capsys.readouterr().out
