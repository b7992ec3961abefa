"""The rehearsal: it does all of a run once, and names the stage that fails."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from core.checks.context import RehearsalFacts
from core.control import Control
from core.events import Event, Progress, Reply, RunEnded
from core.memory.measurements import kept
from core.paths import runs_dir
from core.settings import RunSettings
from core.training import rehearsal
from core.training.checkpoint import CheckpointNotSaved, CheckpointStore
from core.training.passage import Passage
from core.worker import Jobs, events_of
from tests.core.training.engine import ignored_warnings, of, one_thread
from tests.core.training.test_out_of_memory import FACES

__all__ = ["one_thread"]


def rehearsed(settings: RunSettings, *, stop_in: str = "") -> list[Event]:
    """Run the job as the worker does, through JSON."""
    control, events = Control(), []
    request = {"settings": settings.model_dump(mode="json")}
    command = {"command": "run", "job": "rehearse", "request": request, "id": 1}
    with ignored_warnings():
        for event in events_of(command, control, Jobs()):
            events.append(event)
            if isinstance(event, Progress) and event.phase == stop_in:
                control.stop()
    return events


def facts(settings: RunSettings) -> RehearsalFacts:
    (reply,) = of(Reply, rehearsed(settings))
    return RehearsalFacts(**reply.data["rehearsal"])


def test_a_healthy_run_passes_and_leaves_only_a_measurement(tiny_settings: RunSettings) -> None:
    events = rehearsed(tiny_settings)
    (reply,) = of(Reply, events)
    found = RehearsalFacts(**reply.data["rehearsal"])
    assert found.failed_at == ""
    assert (found.dead, found.outside, found.padded) == ((), (), False)
    assert found.modules == 14
    assert found.measured_bytes == reply.data["measured_bytes"] > 0
    assert reply.data["plan"] is not None
    assert [path.name for path in runs_dir().iterdir()] == []
    assert len(kept()) == 1


def test_memory_that_runs_out_is_a_fact(
    tiny_settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise FACES[0]

    monkeypatch.setattr(Passage, "loss", no_room)
    found = facts(tiny_settings)
    assert found.exhausted
    assert found.failed_at


def test_a_number_that_is_none_is_told_with_its_stage(
    tiny_settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = torch.optim.AdamW.step

    def spoiling(optimizer: torch.optim.AdamW, *arguments: Any) -> Any:
        result = plain(optimizer, *arguments)
        with torch.no_grad():
            optimizer.param_groups[0]["params"][0].fill_(float("nan"))
        return result

    monkeypatch.setattr(torch.optim.AdamW, "step", spoiling)
    found = facts(tiny_settings)
    assert found.failed_at == "in step 1"
    assert "is not finite" in found.reason


def test_modules_to_which_no_gradient_comes_are_named(
    tiny_settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = rehearsal.TwoSteps._load

    def deaf(steps: rehearsal.TwoSteps) -> Iterator[Event]:
        yield from build(steps)
        for name, parameter in steps.trainee.parameters.items():
            if "layers.1" in name and "q_proj" in name:
                parameter.register_hook(torch.zeros_like)

    monkeypatch.setattr(rehearsal.TwoSteps, "_load", deaf)
    assert facts(tiny_settings).dead == ("model.layers.1.self_attn.q_proj",)


def test_a_disk_that_refuses_is_told(
    tiny_settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise CheckpointNotSaved("The disk is full.", "Free some space.")

    monkeypatch.setattr(CheckpointStore, "save", refuse)
    found = facts(tiny_settings)
    assert found.failed_at == "when the adapter was saved and loaded again"
    assert (found.reason, found.hint) == ("The disk is full.", "Free some space.")


def test_an_adapter_that_comes_back_as_another_is_told(
    tiny_settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = rehearsal.restore

    def forgetful(trainee: Any, checkpoint: Any) -> Any:
        cursor = plain(trainee, checkpoint)
        with torch.no_grad():
            next(iter(trainee.parameters.values())).zero_()
        return cursor

    monkeypatch.setattr(rehearsal, "restore", forgetful)
    assert "is not the one that was saved" in facts(tiny_settings).reason


def test_it_can_be_cancelled(tiny_settings: RunSettings) -> None:
    events = rehearsed(tiny_settings, stop_in="training")
    assert of(Reply, events) == []
    assert of(RunEnded, events)[0].outcome == "stopped"
