"""S5: whatever a path leads to, it is read or refused in words that fit; nothing hangs."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.pages.data_source import columns_of
from core.control import Control
from core.data.rows import load_rows
from core.data.source import find_source
from core.errors import UserError
from core.events import Reply, RunEnded
from core.settings import RunSettings
from core.worker import Jobs, events_of
from tests.proof.harness import Report, fork, linux_only, reap, short_and_full
from tests.proof.path_tricks import Trick, tricks

pytestmark = linux_only

LIMIT = 2.0
"""Seconds for one path."""
NOBODY = 65534


@contextmanager
def limited(trick: Trick) -> Iterator[None]:
    """End what hangs, and take the rights of the administrator away where they matter."""

    def on_alarm(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, on_alarm)
    user = os.geteuid()
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        if trick.says == "permissions" and user == 0:
            os.seteuid(NOBODY)
        yield
    finally:
        os.seteuid(user)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def read(path: str) -> int:
    """Read a data set as everything does, and return how many rows it has."""
    settings = RunSettings().with_changes({"data.path": path})
    find_source(settings.data.path).identity()
    return len(load_rows(settings.data))


def by_a_job(path: str) -> tuple[RunEnded, list[dict[str, Any]]]:
    """Read it as the window lets the worker read it."""
    data = {"path": path}
    command = {"job": "dataset", "request": {"data": data, "source": ""}}
    events = list(events_of(command, Control(), Jobs()))
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    return ended, [event.data for event in events if isinstance(event, Reply)]


def fault(trick: Trick) -> str:
    """Return what went wrong with a trick, "" for nothing."""
    try:
        with limited(trick):
            rows, refusal = read(trick.path), None
    except UserError as error:
        rows, refusal = 0, error
    except BaseException as error:  # noqa: BLE001 - a proof counts whatever happens
        return f"{type(error).__name__}: {error}"
    if refusal is None:
        return "" if not trick.says and rows == 1 else f"{rows} rows were read"
    told = f"{refusal.message} {refusal.hint}"
    if not trick.says or trick.says not in told:
        return f"it was said: {told}"
    if not told.isprintable() or len(told) > 1000 or "Free some space" in told:
        return f"no message for people: {told!r}"
    return job_fault(trick, refusal)


def job_fault(trick: Trick, refusal: UserError) -> str:
    """Tell whether the worker says another thing, or the window stumbles over the columns."""
    if trick.says in ("data.path", "permissions"):  # refused by the settings; needs rights
        return ""
    with limited(trick):
        ended, replies = by_a_job(trick.path)
        columns = columns_of(trick.path)
    same = (ended.outcome, ended.message) == ("failed", refusal.message)
    return "" if same and not replies and len(columns) in (0, 2) else f"the job said {ended}"


@short_and_full("count", 120, 300)
def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: Report, count: int) -> None:
    monkeypatch.chdir(tmp_path)
    failures, made = [], 0
    for trick in tricks(tmp_path, count):
        made += 1
        found = fault(trick)
        if found:
            failures.append(f"{trick.name}: {found}")
    assert made == count
    report.claim("S5", failures, count, "names, links, pipes, devices; read or refused in words")


OUTSIDE = ("../secret.arrow", "/etc/passwd", "a/../../secret.arrow", "..", ".", "", "link.arrow/x")


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_list_of_files_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    """What `datasets` notes about a saved data set may come from a stranger."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.arrow").write_bytes(b"secret")
    (inside / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    assert read_in_a_child(inside) == 0


def read_in_a_child(folder: Path) -> int:
    """Read a folder in a process that hears of every file it opens; return its exit code."""

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | os.PathLike):
            place = Path(arguments[0]).resolve()
            assert place.is_relative_to(folder) or place.is_relative_to(sys.prefix), place

    def work() -> None:
        sys.addaudithook(watch)  # for good, and so in a child
        with pytest.raises(UserError):
            read(str(folder))

    return reap(fork(work))
