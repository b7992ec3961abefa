"""The probe: the run's own engine, two steps of the longest rows, and nothing left behind."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.control import Control
from core.data.encode import Example
from core.errors import UserError
from core.events import Event, MemoryMeasured, Notice, Progress, Reply, RunEnded
from core.memory.measurements import kept
from core.memory.plan import MemoryPlan
from core.paths import measurements_file, runs_dir
from core.run_folder import RunFolder, own_process
from core.settings import RunSettings
from core.training import evidence, probe
from core.training.guards import Overflow
from core.training.micro_batch import Layout
from core.training.step import Stepper
from core.training.two_steps import longest_batch
from core.worker import Jobs, events_of
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import ignored_warnings, of, one_thread, quick_proof, run_all
from tests.core.training.test_out_of_memory import FACES, exhaust

__all__ = ["one_thread", "quick_proof"]

pytestmark = pytest.mark.usefixtures("quick_proof")


def probed(
    settings: RunSettings, on_event: Callable[[Event, Control], None] = lambda event, control: None
) -> list[Event]:
    """Run the job as the worker does, through JSON."""
    control, events = Control(), []
    request = {"settings": settings.model_dump(mode="json")}
    command = {"command": "run", "job": "probe", "request": request, "id": 1}
    with ignored_warnings():
        for event in events_of(command, control, Jobs()):
            events.append(event)
            on_event(event, control)
    return events


def reply(events: list[Event]) -> dict[str, Any]:
    (found,) = of(Reply, events)
    return found.data


def test_it_measures_and_leaves_nothing_but_the_number(
    tiny_settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[int, int]] = []
    plain = Stepper.step

    def counted(stepper: Stepper, number: int, batch: Any) -> Any:
        steps.append((number, batch.largest.tokens))
        return plain(stepper, number, batch)

    monkeypatch.setattr(Stepper, "step", counted)
    events = probed(tiny_settings)
    data = reply(events)
    plan = MemoryPlan(**data["plan"])
    assert data["device"] == "cpu"
    assert data["out_of_memory"] == ""
    assert plan.source == "measured"
    assert plan.peak_bytes == sum(plan.parts.values())
    assert plan.peak_bytes == data["measured_bytes"]
    assert [number for number, _ in steps] == [1, 2]
    assert len({tokens for _, tokens in steps}) == 1
    measuring = [
        event for event in of(Progress, events) if event.phase in ("training", "evaluating")
    ]
    assert [event.share for event in measuring] == pytest.approx([0, 1 / 3, 2 / 3])
    assert events[-1] == RunEnded(outcome="finished", seconds=events[-1].seconds)
    assert not runs_dir().exists()
    (one,) = kept()
    assert (one.kind, one.name, one.method) == ("probe", "tiny", "LoRA 16-bit")
    assert one.predicted_bytes == data["predicted_bytes"]
    assert one.measured_bytes == plan.peak_bytes


def example(row: int, length: int) -> Example:
    return Example(ids=(1,) * length, trained=(False,) + (True,) * (length - 1), row=row)


@pytest.mark.parametrize(
    ("packed", "accumulation", "tokens"),
    [
        (False, 1, 2 * 40),  # the two longest, padded to the longest
        (True, 1, 40 + 30),  # the two longest, end to end
        (True, 4, 80),  # the fullest of the sequences that hold the eight longest rows
    ],
)
def test_the_micro_batch_is_the_largest_that_a_step_can_have(
    packed: bool, accumulation: int, tokens: int
) -> None:
    lengths = [5, 40, 30, 10, 9, 8, 20, 3, 2, 2]
    rows = [example(row, length) for row, length in enumerate(lengths)]
    layout = Layout.of(rows, 2, 0, packed=packed)
    batch = longest_batch(rows, layout, accumulation)
    assert batch.largest.tokens == tokens
    assert len(batch.micro_batches) == min(2, accumulation)
    assert sum(row.trained_tokens for row in batch.rows) == batch.largest.trained * min(
        2, accumulation
    )


@pytest.mark.parametrize("error", FACES, ids=["cuda", "cpu", "cublas", "python"])
def test_running_out_of_memory_is_a_result(
    tiny_settings: RunSettings, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    exhaust(monkeypatch, {2}, error)
    events = probed(tiny_settings)
    data = reply(events)
    assert (data["plan"], data["out_of_memory"]) == (None, "in step 2")
    assert data["measured_bytes"] > 0
    assert str(error) == data["details"]
    assert events[-1].outcome == "finished"  # type: ignore[attr-defined]
    assert kept() == []


def test_so_it_is_while_the_model_is_loaded(
    tiny_settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("core.training.two_steps.build_trainee", no_room)
    assert reply(probed(tiny_settings))["out_of_memory"] == "while the model was loaded"


def test_a_gradient_that_overflows_is_tried_again(
    tiny_settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, calls = Stepper.step, itertools.count(1)

    def overflowing(stepper: Stepper, number: int, batch: Any) -> Any:
        if next(calls) == 1:
            raise Overflow
        return plain(stepper, number, batch)

    monkeypatch.setattr(Stepper, "step", overflowing)
    assert reply(probed(tiny_settings))["plan"]
    assert next(calls) == 4


@pytest.mark.parametrize("phase", ["loading", "tokenising", "training", "evaluating"])
def test_it_can_be_cancelled_at_any_time(tiny_settings: RunSettings, phase: str) -> None:
    def cancel(event: Event, control: Control) -> None:
        if isinstance(event, Progress) and event.phase == phase:
            control.stop()

    events = probed(tiny_settings, cancel)
    assert events[-1].outcome == "stopped"  # type: ignore[attr-defined]
    assert of(Reply, events) == []
    assert kept() == []


def test_it_waits_until_no_run_trains(tiny_settings: RunSettings, home: Path) -> None:
    run = RunFolder.create(runs_dir() / "busy", tiny_settings)
    run.update_state(phase="running", **own_process())
    with pytest.raises(UserError, match="The run busy is training"):
        list(probe.probe(tiny_settings, Control()))
    run.update_state(phase="paused")
    assert reply(probed(tiny_settings))["plan"]


def test_what_cannot_be_started_cannot_be_measured(tiny_settings: RunSettings) -> None:
    missing = tiny_settings.with_changes({"data.path": "/nowhere.jsonl"})
    events = probed(missing)
    assert events[-1].outcome == "failed"  # type: ignore[attr-defined]
    assert "nowhere.jsonl" in events[-1].message  # type: ignore[attr-defined]


def test_every_run_adds_what_it_measured(make_run: MakeRun) -> None:
    (event,) = of(MemoryMeasured, run_all(make_run()))
    (one,) = kept()
    assert (one.kind, one.name) == ("run", "tiny")
    assert one.predicted_bytes == event.predicted_bytes
    assert one.measured_bytes == event.measured_bytes


def test_a_run_is_judged_by_what_went_through(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan is for the longest rows; one that never met them tells of smaller tensors."""
    seen: list[int] = []
    plain = evidence.measurement

    def spied(base: Any, kind: Any, measured: Any, largest: Any, outside: int) -> Any:
        seen.append(largest.tokens)
        return plain(base, kind, measured, largest, outside)

    monkeypatch.setattr("core.training.loop.measurement", spied)
    run_all(make_run("one", training__steps=1))
    run_all(make_run("many", training__steps=6))
    assert seen[0] < seen[1]
    one, many = kept()
    assert one.tensor_bytes < many.tensor_bytes


def test_a_run_that_ran_short_tells_nothing(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    exhaust(monkeypatch, {3}, FACES[0])
    events = run_all(make_run())
    assert any("out of memory" in notice.message for notice in of(Notice, events))
    assert of(MemoryMeasured, events)
    assert kept() == []


def test_a_disk_that_refuses_does_not_disturb_a_run(make_run: MakeRun) -> None:
    measurements_file().mkdir(parents=True)
    assert run_all(make_run())[-1].outcome == "finished"  # type: ignore[attr-defined]
