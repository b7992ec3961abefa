"""`new`, `train`, `runs` and `chat` as a person or a script uses them."""

import argparse
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli import main
from core.commands import train
from core.paths import runs_dir
from core.run_folder import RunFolder
from core.settings import RunSettings, load_settings, save_settings
from core.trackers import TRACKERS
from tests.core.training.conftest import MakeRun, make_run, tiny_settings
from tests.core.training.engine import ROOT, ignored_warnings, one_thread, quick_proof

__all__ = ["make_run", "one_thread", "quick_proof", "tiny_settings"]


def test_new_writes_a_complete_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.toml"
    flags = ["--method", "qlora", "--rank", "8", "--targets", "q_proj,v_proj", "--steps", "30"]
    assert main(["new", *flags, "--seq", "128", "--out", str(file)]) == 0
    settings = load_settings(file)
    assert settings.model.bits == 4
    assert settings.adapter.model_dump()["rank"] == 8
    assert settings.adapter.targets == ("q_proj", "v_proj")
    assert (settings.training.steps, settings.data.max_length) == (30, 128)
    assert "# " in file.read_text()
    assert "Next: rankscope train" in capsys.readouterr().out
    assert main(["new", "--out", str(file)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_new_refuses_what_is_out_of_bounds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "--rank", "0", "--out", str(tmp_path / "run.toml")]) == 2
    assert "adapter.rank = 0" in capsys.readouterr().err
    assert not (tmp_path / "run.toml").exists()


@pytest.mark.usefixtures("quick_proof")
def test_a_reader_that_goes_away_ends_nothing(tiny_settings: RunSettings, tmp_path: Path) -> None:
    """`rankscope train RUN.toml | head -1`."""
    file, run = tmp_path / "run.toml", tmp_path / "out"
    save_settings(tiny_settings.with_changes({"training.steps": 3}), file)
    command = [sys.executable, "-m", "app", "train", str(file), "--out", str(run)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, cwd=ROOT, **pipes) as worker:
        assert worker.stdout is not None
        assert worker.stderr is not None
        worker.stdout.readline()
        worker.stdout.close()
        errors = worker.stderr.read()
        assert worker.wait(timeout=120) == 0
    assert "BrokenPipe" not in errors
    assert RunFolder.open(run).state().phase == "finished"


def test_a_run_is_resumed_with_its_own_settings(
    tiny_settings: RunSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tiny_settings.with_changes({"name": "twin", "training.seed": 99})
    RunFolder.create(runs_dir() / "twin", other)
    file = tmp_path / "run.toml"
    save_settings(tiny_settings.with_changes({"name": "twin"}), file)
    assert main(["train", str(file), "--resume"]) == 2
    assert "No run called 'twin' has these settings." in capsys.readouterr().err
    decided = tiny_settings.with_changes({"name": "twin", "model.dtype": "fp32"})
    mine = RunFolder.create(runs_dir() / "twin-2", decided)
    save_settings(decided.with_changes({"model.dtype": "auto"}), file)
    found = train._run_to_resume(argparse.Namespace(file=str(file), out=None, set=[]))
    assert found.path == mine.path


@pytest.mark.usefixtures("quick_proof")
def test_train_resume_runs(
    tiny_settings: RunSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.toml"
    save_settings(tiny_settings, file)
    run = tmp_path / "out"
    with ignored_warnings():
        assert main(["train", str(file), "--out", str(run), "--set", "training.steps=4"]) == 0
    out = capsys.readouterr().out
    for words in ("Validation loss 5.", "Peak memory: predicted", "Proven in a fresh process"):
        assert words in out
    assert f"The adapter is in {run / 'adapter'}" in out
    assert RunFolder.open(run).settings.training.steps == 4
    assert main(["train", "--resume", str(run)]) == 2
    assert "finished" in capsys.readouterr().err
    assert main(["train", "--resume", str(run / "run.toml"), "--set", "training.steps=9"]) == 2
    assert "--set cannot change it" in capsys.readouterr().err
    assert main(["train", str(file), "--out", str(run)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_run_does_not_depend_on_the_folder_of_the_shell(
    tiny_settings: RunSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data, model = Path("rows.jsonl"), Path(tiny_settings.model.source)
    data.write_bytes(Path(tiny_settings.data.path).read_bytes())
    Path("tiny").symlink_to(model)
    changes = {"data.path": "rows.jsonl", "model.source": "tiny"}
    save_settings(tiny_settings.with_changes(changes), Path("run.toml"))
    made = train._new_run(argparse.Namespace(file="run.toml", set=[], out="out"))
    assert made.path == tmp_path.resolve() / "out"
    assert made.settings.data.path == str(data.resolve())
    assert made.settings.model.source == str(model.resolve())
    save_settings(tiny_settings.with_changes({"data.path": "row*.jsonl"}), Path("run.toml"))
    made = train._new_run(argparse.Namespace(file="run.toml", set=[], out="another"))
    assert made.settings.data.path == str(tmp_path.resolve() / "row*.jsonl")


@pytest.mark.usefixtures("quick_proof")
def test_train_json_is_one_event_per_line(
    tiny_settings: RunSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.toml"
    save_settings(tiny_settings, file)
    with ignored_warnings():
        assert main(["train", str(file), "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e["step"] for e in events if e["event"] == "step"] == [1, 2, 3, 4, 5, 6]
    assert [e["step"] for e in events if e["event"] == "evaluation"] == [0, 2, 4, 6]
    assert events[-1]["event"] == "ended"
    assert events[-1]["outcome"] == "finished"
    assert Path(events[-1]["adapter"], "adapter_model.safetensors").is_file()

    assert main(["runs", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["runs"]
    assert (row["name"], row["phase"], row["step"]) == ("tiny", "finished", 6)
    assert row["best_loss"] < row["first_loss"]
    assert main(["runs"]) == 0
    assert "tiny" in capsys.readouterr().out


@pytest.mark.usefixtures("quick_proof")
def test_what_a_tracker_prints_is_no_event(
    tiny_settings: RunSettings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def talkative(_: object) -> None:
        sys.stdout.write("View this run at https://example.org\n")
        raise RuntimeError("no login")

    monkeypatch.setattr(TRACKERS["tensorboard"], "start", talkative)
    monkeypatch.setenv("WAKEPY_FAKE_SUCCESS", "1")
    file = tmp_path / "run.toml"
    save_settings(tiny_settings, file)
    flags = ["--json", "--keep-awake", "--set", "tracking.trackers=tensorboard"]
    with ignored_warnings():
        assert main(["train", str(file), *flags]) == 0
    captured = capsys.readouterr()
    events = [json.loads(line) for line in captured.out.splitlines()]
    assert "View this run" in captured.err
    notices = [event["message"] for event in events if event["event"] == "notice"]
    assert "is kept awake" in notices[0]
    assert "TensorBoard was switched off: no login." in notices
    assert events[-1]["outcome"] == "finished"


def test_runs_of_an_empty_home(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    assert "No runs yet" in capsys.readouterr().out


def test_a_failing_run_says_why(
    tiny_settings: RunSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.toml"
    save_settings(tiny_settings.with_changes({"data.path": "gone.jsonl"}), file)
    assert main(["train", str(file)]) == 2
    captured = capsys.readouterr()
    assert "error: There is no file gone.jsonl" in captured.err
    assert "hint: " in captured.err


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_signal_stops_and_saves(make_run: MakeRun, tmp_path: Path, number: int) -> None:
    settings = make_run().settings.with_changes({"training.steps": 5000})
    file = tmp_path / "long.toml"
    save_settings(settings, file)
    command = [sys.executable, "-m", "app", "train", str(file), "--out", str(tmp_path / "out")]
    with subprocess.Popen(
        [*command, "--json"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "step" and event["step"] == 3:
                process.send_signal(number)
        assert process.wait(60) == 130
    assert (event["event"], event["outcome"]) == ("ended", "stopped")
    state = RunFolder.open(tmp_path / "out").state()
    assert (state.phase, state.last) == ("stopped", f"step-{state.step:08d}")
    assert (tmp_path / "out" / "adapter" / "adapter_model.safetensors").is_file()


@pytest.mark.usefixtures("quick_proof")
def test_chat_answers_lines(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from core.control import Control
    from core.training.loop import train

    run = make_run()
    with ignored_warnings():
        list(train(run, Control()))
    chat = ["chat", str(run.path), "--against-base", "--max-tokens", "4"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("What is a cat?\n\nAnd a river?\n"))
    assert main([*chat, "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [set(answer) for answer in answers] == [{"question", "base", "adapter"}] * 2
    monkeypatch.setattr(sys, "stdin", io.StringIO("What is a cat?\n"))
    assert main(chat) == 0
    assert capsys.readouterr().out == (
        f"base model: {answers[0]['base']}\nadapter: {answers[0]['adapter']}\n"
    )
    monkeypatch.setattr(sys, "stdin", io.StringIO("What is a cat?\n"))
    assert main(["chat", str(run.adapter_dir), "--max-tokens", "4"]) == 0
    assert capsys.readouterr().out == f"adapter: {answers[0]['adapter']}\n"


def test_bits_can_be_set_on_the_command_line(tiny_settings: RunSettings) -> None:
    assert tiny_settings.with_changes({"model.bits": "4"}).model.bits == 4
