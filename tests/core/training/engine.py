"""What several tests of the engine need."""

import itertools
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from core.control import Control
from core.events import AdapterProven, Event, RunEnded, StepDone
from core.run_folder import RunFolder
from core.training import loop, proof
from core.training.loss import Loss
from core.training.passage import Passage
from core.training.step import Stepper

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def ignored_warnings() -> Iterator[None]:
    """For what bitsandbytes, PEFT and transformers say about each other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def run_all(
    run: RunFolder,
    *,
    resume: bool = False,
    on_event: Callable[[Event, Control], None] = lambda event, control: None,
) -> list[Event]:
    """Train to the end and return all events; `on_event` may ask for a stop or a pause."""
    control, events = Control(), []
    with ignored_warnings():
        for event in loop.train(run, control, resume=resume):
            events.append(event)
            on_event(event, control)
    return events


def asks(what: str, step: int) -> Callable[[Event, Control], None]:
    """Return a listener that asks for "pause" or "stop" after `step`."""

    def listen(event: Event, control: Control) -> None:
        if isinstance(event, StepDone) and event.step == step:
            getattr(control, what)()

    return listen


def of(kind: type[Event], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def change_losses(patch: pytest.MonkeyPatch, change: Callable[[int, Loss], Loss]) -> None:
    """Let `change` see and replace the loss of every micro-batch of training, counted from 1."""
    plain, calls = Stepper._forward_backward, itertools.count(1)

    def changed(stepper: Stepper, *arguments: Any) -> float:
        loss_of = Passage.loss

        def loss(passage: Passage, *inputs: Any) -> Loss:
            return change(next(calls), loss_of(passage, *inputs))

        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(Passage, "loss", loss)
            return plain(stepper, *arguments)

    patch.setattr(Stepper, "_forward_backward", changed)


def losses(events: list[Event]) -> list[float]:
    return [event.loss for event in of(StepDone, events)]


def ended(events: list[Event]) -> RunEnded:
    last = of(RunEnded, events)
    assert len(last) == 1
    assert events[-1] is last[0]
    return last[0]


def files_of(checkpoint: Path) -> dict[str, bytes]:
    """The bytes of a checkpoint that must not depend on how it was reached."""
    names = ("adapter_model.safetensors", "adapter_config.json", "optimizer.safetensors")
    content = {name: (checkpoint / name).read_bytes() for name in names}
    content["cursor"] = json.dumps(json.loads((checkpoint / "cursor.json").read_text())).encode()
    return content


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Products of one thread are faster here, and the same on every machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def quick_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the fresh process, which takes seconds, by a word of honour."""

    def vouch(*_: object) -> Iterator[Event]:
        yield AdapterProven(modules=14, zero_modules=[], logit_difference=1.0)

    monkeypatch.setattr(loop, "prove", vouch)
    assert proof.prove is not vouch
