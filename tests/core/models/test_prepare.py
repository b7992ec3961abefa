"""A model becomes a folder once, whatever happens on the way."""

import shutil
from collections import namedtuple
from collections.abc import Generator
from pathlib import Path

import pytest
from safetensors import safe_open

from core.control import Control
from core.errors import UserError
from core.events import Progress, Reply
from core.jobs import JOBS
from core.models import convert, prepare, store
from core.models.reporting import Report
from core.models.sources import open_model
from core.models.starter import packaged_gguf


def finish(steps: Generator[Progress, None, Path]) -> tuple[list[Progress], Path]:
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return events, end.value


@pytest.fixture
def gguf_file(tmp_path: Path) -> Path:
    original = packaged_gguf()
    assert original is not None
    return Path(shutil.copy(original, tmp_path / "my model.gguf"))


def test_the_starter_is_a_bf16_folder_with_its_chat_template(starter_model: Path) -> None:
    with safe_open(starter_model / "model.safetensors", "pt") as file:
        names = list(file.keys())
        shapes = [file.get_slice(name).get_shape() for name in names]
        dtypes = {file.get_slice(name).get_dtype() for name in names}
    sizes = [shape[0] * (shape[1] if len(shape) > 1 else 1) for shape in shapes]
    assert sum(sizes) == 134_515_008
    assert dtypes == {"BF16"}
    assert "<|im_start|>" in (starter_model / "chat_template.jinja").read_text("utf-8")
    assert (starter_model / "generation_config.json").is_file()
    assert finish(prepare.prepare("starter", Control()))[1].resolve() == starter_model.resolve()


def test_the_tiny_model_tells_roles_apart(tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    text = tokenizer.apply_chat_template([{"role": "user", "content": "Hi ö"}], tokenize=False)
    assert text == "<|im_start|>user\nHi ö<|im_end|>\n"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_a_folder_is_passed_through(tiny_model: Path, tmp_path: Path) -> None:
    job = JOBS["prepare_model"]()
    events = list(job.run(job.Request(source=str(tiny_model)), Control()))
    assert [event.data for event in events if isinstance(event, Reply)] == [
        {"path": str(tiny_model)}
    ]
    shutil.copy(tiny_model / "config.json", tmp_path)
    with pytest.raises(UserError, match="no weights"):
        finish(prepare.prepare(str(tmp_path), Control()))


def quick(_: Path, folder: Path, report: Report) -> None:
    """Stands for transformers."""
    report("half", 0.5)
    (folder / "config.json").write_text("{}")
    report("whole", 1.0)


def test_a_gguf_file_is_converted_once(
    gguf_file: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "_unpack", quick)
    events, folder = finish(prepare.prepare(str(gguf_file), Control()))
    assert "once" in events[0].message
    assert [event.share for event in events] == [0.0, 0.5, 1.0]
    assert folder.name == f"my model-{store.fingerprint(gguf_file)}"
    assert store.read_record(folder) == {"source": str(gguf_file), "licence": "apache-2.0"}
    assert finish(prepare.prepare(str(gguf_file), Control())) == ([], folder)
    assert [path.name for path in (home / "models").iterdir()] == [folder.name]
    gguf_file.write_bytes(gguf_file.read_bytes() + b"\0")  # another file of the same name
    assert finish(prepare.prepare(str(gguf_file), Control()))[1] != folder


def test_an_interrupted_conversion_leaves_nothing_and_can_be_repeated(
    gguf_file: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path, folder: Path, report: Report) -> None:
        (folder / "half.safetensors").write_bytes(b"x")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(convert, "_unpack", full)
    with pytest.raises(UserError, match="No space left") as caught:
        finish(prepare.prepare(str(gguf_file), Control()))
    assert "room" in caught.value.hint
    assert list((home / "models").iterdir()) == []
    monkeypatch.setattr(convert, "_unpack", quick)
    assert finish(prepare.prepare(str(gguf_file), Control()))[1].is_dir()


def test_a_stop_cancels(gguf_file: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "_unpack", quick)
    control = Control()
    control.stop()
    with pytest.raises(UserError, match="cancelled"):
        finish(prepare.prepare(str(gguf_file), control))
    assert list((home / "models").iterdir()) == []


def test_of_two_at_once_the_first_wins_and_both_succeed(
    gguf_file: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "_unpack", quick)
    slow = prepare.prepare(str(gguf_file), Control())
    next(slow)
    next(slow)  # its temporary folder is there, its process alive
    _, winner = finish(prepare.prepare(str(gguf_file), Control()))
    made = (winner / "config.json").stat().st_ino
    _, folder = finish(slow)
    assert folder == winner
    assert (winner / "config.json").stat().st_ino == made
    assert [path.name for path in (home / "models").iterdir()] == [folder.name]


def test_leftovers_of_dead_processes_are_swept(
    gguf_file: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "_unpack", quick)
    dead = home / "models" / ".tmp-999999999-abc"
    dead.mkdir(parents=True)
    damaged = home / "models" / f"my model-{store.fingerprint(gguf_file)}"
    damaged.mkdir()
    (damaged / "config.json").write_text("somebody deleted the rest")
    _, folder = finish(prepare.prepare(str(gguf_file), Control()))
    assert folder == damaged
    assert (folder / store.RECORD).is_file()
    assert not dead.exists()


def test_a_full_disk_is_seen_before_the_work(
    gguf_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(prepare.shutil, "disk_usage", lambda _: usage(10**6))
    with pytest.raises(UserError, match=r"needs 0\.3 GB"):
        finish(prepare.prepare(str(gguf_file), Control()))


def test_a_converted_model_opens_as_its_original(gguf_file: Path, starter_model: Path) -> None:
    original, converted = open_model(str(gguf_file)), open_model(str(starter_model))
    assert original.parameters == converted.parameters
    assert original.architecture == converted.architecture
    assert original.kind == "gguf"
