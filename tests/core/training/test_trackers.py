"""Trackers see every number, and nothing that happens to one of them reaches the run."""

import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from accelerate.tracking import GeneralTracker

from core.control import Control
from core.errors import UserError
from core.events import Event, Notice, RunEnded, StepDone
from core.run_folder import RunFolder
from core.settings import RunSettings
from core.trackers import TRACKERS, TrackedRun, is_installed
from core.training import loop, tracker_thread, trackers
from core.training.step import Stepper
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import asks, ended, losses, of, one_thread, quick_proof, run_all

__all__ = ["one_thread", "quick_proof"]

pytestmark = pytest.mark.usefixtures("quick_proof")

Act = Callable[[], None]


class FakeTracker(GeneralTracker):  # type: ignore[misc]
    """Remembers what it is told; `acts` are done at the moments that they are named after."""

    name = "fake"
    requires_logging_directory = False

    def __init__(self, acts: dict[str, Act]) -> None:
        super().__init__()
        self.acts = acts
        self.config: dict[str, Any] = {}
        self.logged: list[tuple[int | None, dict[str, float]]] = []
        self.finished = False

    @property
    def tracker(self) -> "FakeTracker":
        return self

    def act(self, moment: str) -> None:
        self.acts.get(moment, lambda: None)()

    def start(self) -> None:
        self.act("start")

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self.act("config")
        self.config = values

    def log(self, values: dict[str, float], step: int | None = None, **_: Any) -> None:
        self.act("log")
        self.logged.append((step, values))

    def finish(self) -> None:
        self.act("finish")
        self.finished = True


class FakeKind:
    """The tracker `fake`, as `core.trackers` would hold it."""

    title = "Fake"
    package = "fake-tracker"

    def __init__(self) -> None:
        self.modules = ("json",)
        self.acts: dict[str, Act] = {}
        self.made: list[FakeTracker] = []
        self.runs: list[TrackedRun] = []

    def start(self, run: TrackedRun) -> FakeTracker:
        self.runs.append(run)
        self.made.append(FakeTracker(self.acts))
        self.made[-1].start()
        return self.made[-1]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeKind:
    kind = FakeKind()
    monkeypatch.setitem(TRACKERS._entries, "fake", kind)  # type: ignore[arg-type]
    return kind


@pytest.fixture
def forever(monkeypatch: pytest.MonkeyPatch) -> Iterator[Act]:
    """A call that does not return before the test is over; the patience for it is short."""
    monkeypatch.setattr(trackers, "FINISH_SECONDS", 0.3)
    monkeypatch.setattr(trackers, "HASTE_SECONDS", 0.1)
    over = threading.Event()
    yield over.wait  # type: ignore[misc]
    over.set()
    for thread in threading.enumerate():
        if thread.name.startswith("tracker "):
            thread.join(5)


def fails(error: BaseException) -> Act:
    def act() -> None:
        raise error

    return act


def warnings_of(run: RunFolder) -> list[Notice]:
    return [event for event in of(Notice, list(run.events())) if event.level == "warning"]


def tracked_run(make_run: MakeRun, name: str = "run", **changes: Any) -> RunFolder:
    return make_run(name, tracking__trackers=["fake"], **changes)


def test_it_gets_every_number_and_the_settings(make_run: MakeRun, fake: FakeKind) -> None:
    events = run_all(tracked_run(make_run))
    (tracker,) = fake.made
    steps = [(step, values) for step, values in tracker.logged if "train/loss" in values]
    assert [(step, values["train/loss"]) for step, values in steps] == [
        (event.step, event.loss) for event in of(StepDone, events)
    ]
    assert set(steps[0][1]) == {
        "train/loss",
        "train/learning_rate",
        "train/gradient_norm",
        "train/tokens_per_second",
        "train/memory_gib",
    }
    validation = [step for step, values in tracker.logged if "validation/loss" in values]
    assert validation == [0, 2, 4, 6]
    assert tracker.config["adapter.rank"] == 4
    assert tracker.config["adapter.targets"] == "all-linear"
    assert tracker.finished


TROUBLES = {
    "in start": ("start", fails(RuntimeError("no server\nat all")), "no server."),
    "in config": ("config", fails(ValueError("too long.")), "too long."),
    "in log": ("log", fails(OSError("connection reset")), "connection reset."),
    "in finish": ("finish", fails(KeyError()), "KeyError."),
    "by exit": ("log", fails(SystemExit(3)), "3."),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_one_that_fails_is_told_once(make_run: MakeRun, fake: FakeKind, trouble: str) -> None:
    plain = losses(run_all(make_run("plain")))
    moment, act, words = TROUBLES[trouble]
    fake.acts[moment] = act
    run = tracked_run(make_run)
    events = run_all(run)
    assert losses(events) == plain
    assert ended(events).outcome == "finished"
    (notice,) = warnings_of(run)
    assert notice.message == f"Fake was switched off: {words}"


@pytest.mark.parametrize("moment", ["start", "log", "finish"])
def test_one_that_hangs_holds_up_nothing(
    make_run: MakeRun, fake: FakeKind, forever: Act, moment: str
) -> None:
    plain = losses(run_all(make_run("plain")))
    fake.acts[moment] = forever
    run = tracked_run(make_run)
    events = run_all(run)
    assert losses(events) == plain
    assert ended(events).outcome == "finished"
    (notice,) = warnings_of(run)
    assert "did not end within 0.3 s" in notice.message


def test_one_that_cannot_keep_up_is_given_up(
    make_run: MakeRun, fake: FakeKind, forever: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker_thread, "QUEUE_LIMIT", 2)
    fake.acts["log"] = forever
    run = tracked_run(make_run)
    events = run_all(run)
    assert ended(events).outcome == "finished"
    (notice,) = warnings_of(run)
    assert "2 measurements behind" in notice.message
    assert events.index(notice) < len(events) - 1


def test_one_that_is_missing_says_what_brings_it(make_run: MakeRun, fake: FakeKind) -> None:
    fake.modules = ("no_such_module",)
    run = tracked_run(make_run)
    assert ended(run_all(run)).outcome == "finished"
    (notice,) = warnings_of(run)
    assert notice.message == "Fake was switched off: it is not installed."
    assert notice.hint == "To have it: pip install fake-tracker"
    assert not fake.made


def test_one_that_fails_leaves_the_others_alone(
    make_run: MakeRun, fake: FakeKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = FakeKind()
    monkeypatch.setitem(TRACKERS._entries, "other", other)  # type: ignore[arg-type]
    fake.acts["start"] = fails(RuntimeError("broken"))
    run_all(make_run(tracking__trackers=["fake", "other"]))
    assert other.made[0].finished
    assert len(other.made[0].logged) == 10


@pytest.mark.parametrize("how", ["pause", "stop"])
def test_a_run_that_was_asked_to_end_closes_it(make_run: MakeRun, fake: FakeKind, how: str) -> None:
    events = run_all(tracked_run(make_run), on_event=asks(how, 3))
    assert ended(events).step == 3
    assert fake.made[0].finished


def test_a_run_that_fails_closes_it_too(
    make_run: MakeRun, fake: FakeKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stepper, "step", fails_with_user_error)
    events = run_all(tracked_run(make_run))
    assert ended(events).outcome == "failed"
    assert fake.made[0].finished


def fails_with_user_error(*_: object) -> None:
    raise UserError("The loss is no number.")


def test_a_resumed_run_goes_on_in_the_same_place(make_run: MakeRun, fake: FakeKind) -> None:
    run = tracked_run(make_run)
    run_all(run, on_event=asks("pause", 3))
    run_all(run, resume=True)
    first, second = fake.runs
    assert (first.id, first.name, first.folder) == (second.id, second.name, second.folder)
    assert (first.first_step, second.first_step) == (0, 3)
    assert fake.made[0].config
    assert not fake.made[1].config  # MLflow refuses a parameter that it has already
    assert [step for step, values in fake.made[1].logged if "train/loss" in values] == [4, 5, 6]


def test_whoever_stops_listening_is_not_held_up(
    make_run: MakeRun, fake: FakeKind, forever: Act
) -> None:
    fake.acts["finish"] = forever
    events = loop.train(tracked_run(make_run), Control())
    while not isinstance(next(events), StepDone):
        pass
    events.close()


def records(file: Path) -> Iterator[Any]:
    """Yield the events of a TensorBoard file: length, its check sum, content, its check sum."""
    from tensorboardX.proto.event_pb2 import Event as Record

    content, place = file.read_bytes(), 0
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        yield Record.FromString(content[place + 12 : place + 12 + length])
        place += 16 + length


def test_tensorboard_draws_a_run_that_was_paused(make_run: MakeRun) -> None:
    run = make_run(tracking__trackers=["tensorboard"])
    first = run_all(run, on_event=asks("pause", 3))
    second = run_all(run, resume=True)
    assert warnings_of(run) == []
    files = sorted((run.path / "trackers" / "tensorboard" / "run").glob("events*"))
    assert len(files) == 2
    found = [
        (record.step, value.simple_value)
        for file in files
        for record in records(file)
        for value in record.summary.value
        if value.tag == "train/loss"
    ]
    expected = [(step + 1, loss) for step, loss in enumerate(losses(first) + losses(second))]
    assert [step for step, _ in found] == [step for step, _ in expected]
    assert [loss for _, loss in found] == pytest.approx([loss for _, loss in expected], rel=1e-6)
    starts = [r.step for f in files for r in records(f) if r.HasField("session_log")]
    assert starts == [1, 4]  # whatever the first worker wrote of step 4 and later is void


def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UserError) as refused:
        RunSettings().with_changes({"tracking.trackers": ["tensorbord"]})
    assert "tensorbord" in refused.value.message
    assert "tensorboard" in refused.value.hint


def test_names_are_kept_once_and_in_order() -> None:
    settings = RunSettings().with_changes({"tracking.trackers": ["wandb", "mlflow", "wandb"]})
    assert settings.tracking.trackers == ("mlflow", "wandb")


def test_a_folder_of_the_same_name_is_no_tracker(
    fake: FakeKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_installed("fake")
    (tmp_path / "offline_runs").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    fake.modules = ("offline_runs",)
    assert not is_installed("fake")


def test_a_notice_never_comes_after_the_end(make_run: MakeRun, fake: FakeKind) -> None:
    fake.acts["finish"] = fails(RuntimeError("late"))
    events: list[Event] = run_all(tracked_run(make_run))
    assert isinstance(events[-1], RunEnded)
    assert isinstance(events[-2], Notice)
