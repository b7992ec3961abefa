"""A run that finds its tokens is the run that makes them."""

import json
from pathlib import Path

import pytest

from core.control import Control
from core.data import token_cache
from core.data.encode import encode_rows
from core.data.rows import load_rows
from core.data.split import split_rows
from core.events import Event, Progress, Reply
from core.jobs import JOBS
from core.models.load import load_tokenizer
from core.run_folder import RunFolder
from core.settings import RunSettings
from core.training.checkpoint import MANIFEST
from core.training.software import rows_fingerprint
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import losses, of, one_thread, quick_proof, run_all

__all__ = ["one_thread", "quick_proof"]

pytestmark = pytest.mark.usefixtures("quick_proof", "one_thread")


def noted_rows(run: RunFolder) -> str:
    """Return the fingerprint of the rows that the last checkpoint notes."""
    return str(json.loads((run.checkpoints()[-1] / MANIFEST).read_text("utf-8"))["rows"])


def plain_rows(settings: RunSettings) -> str:
    """Return the fingerprint of the rows as the encoder makes them, without columns or cache."""
    data, tokenizer = settings.data, load_tokenizer(settings.model.source)
    table = load_rows(data)
    split = split_rows(table, data, settings.training.seed)
    rows = (*split.train, *split.held_out)
    return rows_fingerprint(encode_rows(table, tokenizer, data, rows=rows))


def said(events: list[Event]) -> list[str]:
    return [e.message for e in of(Progress, events) if e.phase == "tokenising"]


def test_a_run_from_the_cache_is_the_same_run(make_run: MakeRun) -> None:
    fresh, cached = make_run("fresh"), make_run("cached")
    first, second = run_all(fresh), run_all(cached)
    assert "Making tokens" in said(first)
    assert said(second) == ["Reading the data", "Tokens from the cache"]
    assert losses(second) == losses(first)
    assert noted_rows(cached) == noted_rows(fresh) == plain_rows(fresh.settings)


def test_the_data_page_makes_the_tokens_of_the_run(make_run: MakeRun) -> None:
    run = make_run(data__max_length=24)
    settings = run.settings
    content = {"data": settings.data.model_dump(), "source": settings.model.source}
    job = JOBS["dataset"]()
    replies = of(Reply, list(job.run(job.Request.model_validate(content), Control())))
    assert replies[-1].data["tokens"] > 0
    assert "Tokens from the cache" in said(run_all(run))


def test_a_damaged_cache_changes_no_loss(make_run: MakeRun) -> None:
    expected = losses(run_all(make_run("a")))
    (file,) = token_cache.tokens_dir().iterdir()
    damage(file)
    events = run_all(make_run("b"))
    assert "Making tokens" in said(events)
    assert losses(events) == expected


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.unlink()
    file.write_bytes(content)
