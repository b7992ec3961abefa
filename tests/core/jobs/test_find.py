"""The job `find` finds what a look at every row finds, however it is cut into stretches."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.control import Control
from core.events import Reply
from core.jobs import JOBS, Job, find
from core.settings import DataSettings

ROWS = [
    {"prompt": f"What is {i % 40}?", "response": 'A "Größe"\n' * (i % 7) + f"It is {i % 40}."}
    for i in range(300)
]


@pytest.fixture
def read(tmp_path: Path, tiny_model: Path) -> tuple[Job, dict[str, Any], dict[str, Any]]:
    """Return the job with the data read and tokenised, a request, and what the window knows."""
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)), "utf-8")
    data = DataSettings(path=str(path), max_length=40).model_dump()
    request = {"data": data, "source": str(tiny_model)}
    dataset, job = JOBS["dataset"](), JOBS["find"]()
    *_, last = dataset.run(dataset.Request.model_validate(request), Control())
    assert isinstance(last, Reply)
    job.desk = dataset.desk
    return job, request, last.data


def found(job: Job, request: dict[str, Any]) -> list[int]:
    rows: list[int] = []
    start, more = 0, True
    while more:
        asked = job.Request.model_validate({**request, "start": start})
        (reply,) = job.run(asked, Control())
        assert isinstance(reply, Reply)
        rows += reply.data["rows"]
        start, more = reply.data["next"], reply.data["more"]
    assert start == len(ROWS)
    return rows


@pytest.mark.parametrize("at_once", [7, 1024])
def test_every_kind_is_found(
    read: tuple[Job, dict[str, Any], dict[str, Any]],
    at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(find, "ROWS_PER_LOOK", at_once)
    job, request, known = read
    texts = [f"{row['prompt']} {row['response']}".lower() for row in ROWS]
    expected = [i for i, text in enumerate(texts) if '"größe"\na' in text]
    assert found(job, {**request, "text": '"größe"\na'}) == expected
    assert found(job, {**request, "text": "user"}) == []
    contents = [tuple(row.values()) for row in ROWS]
    again = [i for i, content in enumerate(contents) if content in contents[:i]]
    assert found(job, {**request, "only": "repeated"}) == again
    assert len(again) == known["repeated_rows"] > 0
    cut, untrained = (found(job, {**request, "only": only}) for only in ("cut", "untrained"))
    assert len(cut) == known["cut_rows"] > 0
    assert len(untrained) == known["empty_rows"]
    assert set(untrained) <= set(cut)
    assert {known["landmarks"][name] for name in ("longest", "most_cut")} <= set(cut)
    both = found(job, {**request, "only": "cut", "text": "is 12?"})
    assert both == [i for i in cut if "is 12?" in texts[i]]


def test_nothing_is_cut_before_the_tokens_are_there(
    read: tuple[Job, dict[str, Any], dict[str, Any]],
) -> None:
    job, request, _ = read
    assert found(job, {**request, "source": "another", "only": "cut"}) == []
    assert len(found(job, request)) == len(ROWS)


def test_the_next_stretch_begins_where_too_much_was_found(
    read: tuple[Job, dict[str, Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "MOST_FOUND", 10)
    monkeypatch.setattr(find, "ROWS_PER_LOOK", 4)
    job, request, _ = read
    (reply,) = job.run(job.Request.model_validate(request), Control())
    assert isinstance(reply, Reply)
    assert (reply.data["next"], reply.data["more"]) == (12, True)
    assert found(job, request) == list(range(len(ROWS)))
