"""The draft of a run: changes, strokes, undo."""

import pytest

from app import undo as module
from app.session import Session
from core.settings import RunSettings


class NoAssistant:
    """A worker that is never asked."""

    class data:
        @staticmethod
        def ask(job: str, request: object, on_event: object) -> None:
            return None


@pytest.fixture
def session(qapp: object) -> Session:
    return Session(NoAssistant(), RunSettings())  # type: ignore[arg-type]


def rank(session: Session) -> int:
    return int(session.settings.adapter.model_dump()["rank"])


def test_a_drag_is_taken_back_as_one(session: Session) -> None:
    for value in (8, 4, 2):
        session.change({"adapter.rank": value}, stroke=True)
    session.undo()
    assert rank(session) == 16
    session.redo()
    assert rank(session) == 2


def test_half_a_number_leaves_nothing_behind(session: Session) -> None:
    warmup = session.settings.training.warmup
    for steps in (1, 12, 120):  # typed digit by digit; the first has no room for a warm-up
        session.change({"training.steps": steps}, stroke=True)
    assert (session.settings.training.steps, session.settings.training.warmup) == (120, warmup)
    session.undo()
    assert session.settings.training.steps == 60


def test_a_pause_ends_a_stroke(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    session.change({"adapter.rank": 8}, stroke=True)
    now[0] += 2 * module.STROKE_SECONDS
    session.change({"adapter.rank": 4}, stroke=True)
    session.undo()
    assert rank(session) == 8


def test_another_setting_begins_another_stroke(session: Session) -> None:
    session.change({"adapter.rank": 8}, stroke=True)
    session.change({"adapter.alpha": 8}, stroke=True)
    session.undo()
    assert rank(session) == 8


def test_a_change_after_undo_can_be_undone(session: Session) -> None:
    session.change({"adapter.rank": 8}, stroke=True)
    session.undo()
    session.change({"adapter.rank": 4}, stroke=True)
    assert session.can_undo
    session.undo()
    assert rank(session) == 16


def test_a_refused_change_changes_nothing(session: Session) -> None:
    heard: list[object] = []
    session.refused.connect(heard.append)
    assert not session.change({"adapter.rank": 0})
    assert rank(session) == 16
    assert not session.can_undo
    assert len(heard) == 1
