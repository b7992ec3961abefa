"""What "auto" comes to is decided once and written down."""

from collections.abc import Generator
from typing import Any

import pytest

from core.control import Control
from core.data.encode import Example
from core.events import Notice
from core.memory.devices import Device
from core.run_folder import RunFolder
from core.settings import load_settings
from core.training import start
from core.training.requests import Requests
from core.training.start import Base, decide_checkpointing, prepare_base, record_base
from tests.core.training.conftest import MakeRun

EXAMPLES = [Example(ids=(1,) * 40, trained=(False,) + (True,) * 39, row=i) for i in range(4)]


def drain(steps: Generator[Any, None, Base]) -> tuple[list[Any], Base]:
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return events, end.value


def prepared(run: RunFolder) -> Base:
    return drain(prepare_base(run.settings, Requests(Control())))[1]


def with_free(patch: pytest.MonkeyPatch, free: int) -> None:
    patch.setattr(start, "find_devices", lambda: [Device("CPU", free, free, "cpu")])


def test_auto_becomes_a_number_in_the_run_file(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(training__gradient_checkpointing="auto")
    with_free(monkeypatch, 2**20)  # nothing fits: every block is computed twice
    events, base = drain(decide_checkpointing(prepared(run), EXAMPLES))
    layers = base.info.architecture.layers
    assert base.settings.training.gradient_checkpointing == layers
    record_base(run, base)
    assert load_settings(run.settings_file) == base.settings
    (notice,) = events
    assert isinstance(notice, Notice)
    assert notice.message.startswith(f"{layers} of {layers} blocks are checkpointed")


def test_a_resumed_run_keeps_its_number(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(training__gradient_checkpointing="auto")
    with_free(monkeypatch, 2**40)
    _, first = drain(decide_checkpointing(prepared(run), EXAMPLES))
    assert first.settings.training.gradient_checkpointing == 0
    record_base(run, first)
    with_free(monkeypatch, 2**20)
    again = RunFolder.open(run.path)
    events, base = drain(decide_checkpointing(prepared(again), EXAMPLES))
    assert events == []
    assert base.settings.training.gradient_checkpointing == 0


def test_what_is_named_is_left_alone(make_run: MakeRun) -> None:
    run = make_run(training__gradient_checkpointing="all")
    base = prepared(run)
    assert drain(decide_checkpointing(base, EXAMPLES)) == ([], base)
