"""The jobs `dataset`, `tokens` and `check`, as the worker runs them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from core.control import Control
from core.data.desk import DataDesk
from core.data.lengths import RowLengths
from core.errors import UserError
from core.events import Event, Progress, Reply, RunEnded, from_line, to_line
from core.jobs import JOBS, Job
from core.settings import DataSettings, RunSettings

ROWS = [{"prompt": f"What is {i}?", "response": f"It is {i}."} for i in range(300)]


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return DataSettings(path=str(path)).model_dump()


def events_of(job: Job, content: dict[str, Any], control: Control | None = None) -> list[Event]:
    request = job.Request.model_validate(json.loads(json.dumps(content)))
    return list(job.run(request, control or Control()))


def reply_of(job: Job, content: dict[str, Any]) -> dict[str, Any]:
    """Return the reply as the window gets it, after its way through the pipe."""
    last = events_of(job, content)[-1]
    line = from_line(to_line(last))
    assert isinstance(line, Reply)
    return line.data


def test_the_numbers_of_a_data_set(data: dict[str, Any], tiny_model: Path) -> None:
    reply = reply_of(JOBS["dataset"](), {"data": data, "source": str(tiny_model), "seed": 7})
    lengths = RowLengths.from_json(reply["lengths"])
    assert reply["rows"] == len(lengths) == 300
    assert lengths.tokens.total == reply["tokens"]
    assert lengths.trained(256) == reply["trained_tokens"]
    assert 0 < reply["held_out"] < 60
    assert reply["previews"][:2] == [["What is 0?", "It is 0."], ["What is 1?", "It is 1."]]
    assert len(reply["previews"]) == 50
    assert reply["format"] == "prompt-answer"
    assert reply["roles"] == {"prompt": "prompt", "response": "answer"}
    assert reply["warnings"] == []
    assert reply["empty_rows"] == reply["cut_rows"] == 0


def test_a_lower_limit_needs_no_new_tokens(
    data: dict[str, Any], tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = JOBS["dataset"]()
    request = {"data": data, "source": str(tiny_model)}
    whole = reply_of(job, request)
    monkeypatch.setattr("core.data.token_cache.encode_in_batches", None)
    cut = reply_of(job, {**request, "data": {**data, "max_length": 30}, "first": 298})
    assert cut["lengths"] == whole["lengths"]
    counts = list(zip(*whole["lengths"]["tokens"], strict=True))
    assert cut["tokens"] == sum(count * min(30, length) for length, count in counts)
    assert cut["cut_rows"] == sum(count for length, count in counts if length > 30)
    assert cut["trained_tokens"] + cut["cut_trained_tokens"] == whole["trained_tokens"]
    assert len(cut["previews"]) == 2


def test_an_edited_file_is_read_again(data: dict[str, Any], tiny_model: Path) -> None:
    job = JOBS["dataset"]()
    request = {"data": data, "source": str(tiny_model)}
    reply_of(job, request)
    path = Path(data["path"])
    path.write_text(json.dumps({"prompt": "new", "response": "row"}))
    os.utime(path, (1, 1))
    reply = reply_of(job, request)
    assert (reply["rows"], len(RowLengths.from_json(reply["lengths"]))) == (1, 1)


def test_rows_are_shown_without_a_model(data: dict[str, Any]) -> None:
    reply = reply_of(JOBS["dataset"](), {"data": data, "source": ""})
    assert (reply["rows"], reply["tokens"], reply["lengths"]) == (300, 0, {})


def test_a_stop_ends_the_count(data: dict[str, Any], tiny_model: Path) -> None:
    control = Control()
    control.stop()
    events = events_of(JOBS["dataset"](), {"data": data, "source": str(tiny_model)}, control)
    assert not [event for event in events if isinstance(event, Reply) and event.data["lengths"]]
    assert isinstance(events[-1], RunEnded)
    assert events[-1].outcome == "stopped"


def test_rows_come_before_their_tokens(data: dict[str, Any], tiny_model: Path) -> None:
    job, request = JOBS["dataset"](), {"data": data, "source": str(tiny_model)}
    first, second = (e for e in events_of(job, request) if isinstance(e, Reply))
    assert first.data["rows"] == second.data["rows"] == 300
    assert first.data["previews"] == second.data["previews"]
    assert not first.data["lengths"]
    assert len(RowLengths.from_json(second.data["lengths"])) == 300
    again = [e for e in events_of(job, request) if isinstance(e, Reply)]
    assert [e.data for e in again] == [second.data]


def test_a_long_file_is_shown_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.data.rows.Reading.read.__defaults__", (100,))
    path = tmp_path / "long.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    job, rows = JOBS["dataset"](), JOBS["rows"]()
    request = {"data": DataSettings(path=str(path)).model_dump(), "source": ""}
    events = job.run(job.Request.model_validate(request), Control())
    first = next(event for event in events if isinstance(event, Reply)).data
    assert (first["rows"], first["complete"], first["held_out"]) == (100, False, 0)
    assert len(first["previews"]) == 50
    rows.desk = job.desk
    page = {"data": request["data"], "rows": list(range(90, 140))}
    assert len(reply_of(rows, page)["previews"]) == 10
    last = [event for event in events if isinstance(event, Reply)][-1].data
    assert (last["rows"], last["complete"]) == (300, True)
    assert last == reply_of(JOBS["dataset"](), request)
    assert len(reply_of(rows, page)["previews"]) == 50


def test_a_row_that_is_broken_far_down_is_said_every_time(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    lines = [json.dumps(row) for row in ROWS * 5]
    lines[1300] = '{"prompt": "a" "answer"}'
    path.write_text("\n".join(lines))
    job = JOBS["dataset"]()
    for _ in range(2):
        with pytest.raises(UserError, match="line 1301"):
            events_of(job, {"data": DataSettings(path=str(path)).model_dump(), "source": ""})


def test_progress_is_told(data: dict[str, Any], tiny_model: Path) -> None:
    events = events_of(JOBS["dataset"](), {"data": data, "source": str(tiny_model)})
    shares = [e.share for e in events if isinstance(e, Progress) and e.phase == "tokenising"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_inspector_shows_every_token_once(data: dict[str, Any], tiny_model: Path) -> None:
    path = Path(data["path"])
    path.write_text(json.dumps({"prompt": "Größe 🙂?", "response": "日本"}), "utf-8")
    request = {"data": data, "source": str(tiny_model), "row": 0}
    reply = reply_of(JOBS["tokens"](), request)
    text = "".join(token["text"] for token in reply["tokens"])
    expected = "<|im_start|>user\nGröße 🙂?<|im_end|>\n<|im_start|>assistant\n日本<|im_end|>\n"
    assert text == expected
    by_state = {
        state: "".join(token["text"] for token in reply["tokens"] if token["state"] == state)
        for state in ("masked", "trained")
    }
    assert by_state["trained"] == "日本<|im_end|>"
    assert [token["special"] for token in reply["tokens"][:2]] == [True, False]


def test_the_inspector_shows_what_is_cut(data: dict[str, Any], tiny_model: Path) -> None:
    job = JOBS["tokens"]()
    data["max_length"] = 20
    reply = reply_of(job, {"data": data, "source": str(tiny_model), "row": 299})
    states = [token["state"] for token in reply["tokens"]]
    assert reply["row"] == 299
    assert "cut" not in states[:20]
    assert set(states[20:]) == {"cut"}


def test_a_name_stands_for_a_token_without_text(data: dict[str, Any], tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    from core.data.encode import Encoder
    from core.data.table import Message

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    row = (Message("user", "a "), Message("assistant", "b"))
    _, texts = Encoder(tokenizer, DataSettings()).inspect(0, row)
    assert "".join(texts) == "a b<|im_end|>"
    assert texts[-1] == "<|im_end|>"


@pytest.mark.parametrize("row", [-1, 300])
def test_a_row_that_is_not_there(row: int, data: dict[str, Any], tiny_model: Path) -> None:
    with pytest.raises(UserError, match=f"no row {row}"):
        events_of(JOBS["tokens"](), {"data": data, "source": str(tiny_model), "row": row})


def test_all_checks_run_in_the_worker(data: dict[str, Any], tiny_model: Path) -> None:
    settings = RunSettings().with_changes(
        {"model.source": str(tiny_model), "data.path": data["path"]}
    )
    reply = reply_of(JOBS["check"](), {"settings": settings.model_dump()})
    checks = {check["id"]: check for check in reply["checks"]}
    assert set(checks["trained-tokens"]) == {"id", "level", "message", "fix", "changes"}
    assert checks["trained-tokens"]["level"] == "ok"


def test_a_broken_model_is_a_finding_and_no_failure(data: dict[str, Any], tmp_path: Path) -> None:
    settings = RunSettings().with_changes(
        {"model.source": str(tmp_path / "none"), "data.path": data["path"]}
    )
    reply = reply_of(JOBS["check"](), {"settings": settings.model_dump()})
    assert reply["checks"][0]["id"] == "model-readable"
    assert reply["checks"][0]["level"] == "block"


def test_the_desk_reads_a_file_once(data: dict[str, Any]) -> None:
    desk = DataDesk()
    settings = DataSettings.model_validate(data)
    assert desk.reading(settings) is desk.reading(settings)
