"""The machine is kept awake exactly while it trains, and whatever goes wrong there, it trains."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from core import awake
from core.awake import Inhibitor, kept_awake, system_inhibitor
from core.control import Control
from core.events import Event, Notice, RunStarted
from core.jobs.train import Train, TrainRequest
from core.run_folder import RunFolder
from core.training.awake import train_awake
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import (
    asks,
    ended,
    ignored_warnings,
    losses,
    of,
    one_thread,
    quick_proof,
    run_all,
)

__all__ = ["one_thread", "quick_proof"]

pytestmark = pytest.mark.usefixtures("quick_proof")


class FakeInhibitor:
    """Tells whether it is held, and how often it was."""

    def __init__(self) -> None:
        self.held = False
        self.times = 0

    @contextmanager
    def __call__(self) -> Iterator[str]:
        self.held, self.times = True, self.times + 1
        try:
            yield "fake"
        finally:
            self.held = False


def run_awake(
    run: RunFolder,
    inhibitor: Inhibitor,
    on_event: Callable[[Event, Control], None] = lambda event, control: None,
) -> list[Event]:
    control, events = Control(), []
    with ignored_warnings():
        for event in train_awake(run, control, inhibitor=inhibitor):
            events.append(event)
            on_event(event, control)
    return events


@pytest.mark.parametrize("how", ["", "pause", "stop"])
def test_it_is_held_exactly_while_it_trains(make_run: MakeRun, how: str) -> None:
    inhibitor, seen = FakeInhibitor(), []

    def listen(event: Event, control: Control) -> None:
        seen.append(inhibitor.held)
        if how:
            asks(how, 3)(event, control)

    run = make_run()
    events = run_awake(run, inhibitor, listen)
    assert all(seen)
    assert not inhibitor.held
    assert inhibitor.times == 1
    notice = events[0]
    assert isinstance(notice, Notice)
    assert (notice.level, "(fake)" in notice.message) == ("info", True)
    assert list(run.events()) == events


def test_a_run_that_fails_lets_go(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    inhibitor = FakeInhibitor()
    monkeypatch.setattr("core.training.passage.Passage.loss", broken)
    with pytest.raises(ZeroDivisionError):
        run_awake(make_run(), inhibitor)
    assert (inhibitor.held, inhibitor.times) == (False, 1)


def test_whoever_stops_listening_lets_go(make_run: MakeRun) -> None:
    inhibitor = FakeInhibitor()
    events = train_awake(make_run(), Control(), inhibitor=inhibitor)
    with ignored_warnings():
        while not isinstance(next(events), RunStarted):
            assert inhibitor.held
        events.close()
    assert not inhibitor.held


@contextmanager
def refusing() -> Iterator[str]:
    raise OSError("the bus is gone")
    yield ""


@contextmanager
def without_method() -> Iterator[str]:
    yield ""


@contextmanager
def failing_to_let_go() -> Iterator[str]:
    yield "fake"
    raise RuntimeError("it does not let go")


@pytest.mark.parametrize(
    ("inhibitor", "words"),
    [
        (refusing, "the bus is gone"),
        (without_method, "no method works here"),
        (failing_to_let_go, "is kept awake"),
    ],
)
def test_one_that_fails_gives_a_notice_and_nothing_else(
    make_run: MakeRun, inhibitor: Inhibitor, words: str
) -> None:
    plain = losses(run_all(make_run("plain")))
    events = run_awake(make_run(), inhibitor)
    assert losses(events) == plain
    assert ended(events).outcome == "finished"
    notice = events[0]
    assert isinstance(notice, Notice)
    assert notice.level == "info"
    assert words in notice.message
    assert not [other for other in of(Notice, events) if other.level != "info"]


def test_one_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    @contextmanager
    def hanging() -> Iterator[str]:
        over.wait()
        yield "late"

    monkeypatch.setattr(awake, "ANSWER_SECONDS", 0.1)
    with kept_awake(hanging) as notice:
        assert "not answered within 0.1 s" in notice.message
    over.set()


def test_a_run_of_another_process_is_left_alone(make_run: MakeRun) -> None:
    run, inhibitor = make_run(), FakeInhibitor()
    run.update_state(phase="finished")
    (event,) = run_awake(run, inhibitor)
    assert ended([event]).outcome == "failed"
    assert inhibitor.times == 0
    assert run.event_lines() == []


def test_wakepy_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAKEPY_FAKE_SUCCESS", "1")
    with system_inhibitor() as method:
        assert method == "WakepyFakeSuccess"


def test_a_machine_without_a_session_bus_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    with kept_awake() as notice:
        assert notice.level == "info"


@pytest.mark.parametrize("agreed", [True, False])
def test_the_job_asks_only_with_consent(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, agreed: bool
) -> None:
    monkeypatch.setenv("WAKEPY_FAKE_SUCCESS", "1")
    request = TrainRequest(run=str(make_run(training__steps=1).path), keep_awake=agreed)
    with ignored_warnings():
        events = list(Train().run(request, Control()))
    told = [notice for notice in of(Notice, events) if "kept awake" in notice.message]
    assert len(told) == int(agreed)
    assert ended(events).outcome == "finished"
