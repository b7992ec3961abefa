"""A brief job does not wait for a long one."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from core.settings import DataSettings
from core.worker import serve

ROWS = 20_000


@pytest.fixture
def signals_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)


def events_of(*commands: dict[str, Any]) -> list[dict[str, Any]]:
    out = io.StringIO()
    serve(io.StringIO("".join(json.dumps(command) + "\n" for command in commands)), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.usefixtures("signals_restored")
def test_a_page_comes_while_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a", "answer": "b"}\n' * ROWS)
    data = DataSettings(path=str(path)).model_dump()
    page = {"data": data, "rows": [5, 6, 7]}
    events = events_of(
        {"command": "run", "job": "dataset", "request": {"data": data, "source": ""}, "id": 1},
        {"command": "run", "job": "rows", "request": page, "id": 2},
        {
            "command": "run",
            "job": "rows",
            "request": {"data": data, "rows": "all"},
            "id": 3,
        },
        {"command": "quit"},
    )
    ended = {e["id"]: e["outcome"] for e in events if e["event"] == "ended"}
    assert list(ended.items()) == [(2, "finished"), (1, "finished"), (3, "failed")]
    (reply,) = (e["data"] for e in events if e["id"] == 2 and e["event"] == "reply")
    assert reply == {"rows": [5, 6, 7], "previews": [["a", "b"]] * 3, "lengths": []}
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
