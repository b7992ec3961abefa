"""The memory page: tracing and measuring, whose result belongs to the settings it was made for."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.amounts import gib
from app.exact_plans import ExactPlans
from app.pages.base import PageContext
from app.pages.memory import MemoryPage
from app.run_state import RunPhase
from app.widgets.plan_source import PlanSource
from core.events import Event, Progress, Reply, RunEnded
from core.jobs.check import CheckRequest
from core.jobs.dry_run import DryRunRequest
from core.jobs.probe import ProbeRequest
from core.memory.devices import CPU_NAME, Device, Overhead
from core.memory.measurements import keep
from core.memory.plan import MemoryPlan
from core.paths import measurements_file
from tests.app.pages.conftest import FakeTask, make_model, take_model
from tests.core.memory.test_measurements import measured

GIB = 2**30
LEFT = Qt.MouseButton.LeftButton
DEVICE = Device(CPU_NAME, 16 * GIB, 12 * GIB, "cpu")


@pytest.fixture
def page(
    context: PageContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MemoryPage]:
    monkeypatch.setattr("app.session.find_devices", lambda: [DEVICE])
    context.session.measure_devices()
    take_model(context, make_model(4))
    context.session.data = {"lengths": [20, 30], "complete": True}
    made = MemoryPage(context)
    qtbot.addWidget(made)
    made.resize(1080, 700)
    made.show()
    yield made
    made.hide()


def task(page: MemoryPage) -> FakeTask:
    made: FakeTask = page.context.assistant.own.tasks[-1]  # type: ignore[attr-defined]
    return made


def end(page: MemoryPage, *events: Event, outcome: str = "finished") -> None:
    """Let the worker say this, end, and be gone."""
    made = task(page)
    made.say(*events, RunEnded(outcome=outcome))
    made.on_gone()


def traces(page: MemoryPage, factor: float = 1.1, why_not: str = "") -> Reply:
    plans = [
        {"plan": {**plan.scaled(factor).as_fields(), "source": "dry-run"}, "why_not": why_not}
        for plan in page.context.session.formulas
    ]
    return Reply(data={"plans": plans})


def measurement(page: MemoryPage, peak: int = 3 * GIB) -> Reply:
    plan = page.context.session.formula
    assert plan is not None
    made = {**plan.scaled(peak / plan.peak_bytes).as_fields(), "source": "measured"}
    return Reply(data={"plan": made, "device": "cpu", "measured_bytes": peak, "out_of_memory": ""})


def exhaustion() -> Reply:
    where = {"plan": None, "device": "cpu", "measured_bytes": 5 * GIB, "out_of_memory": "in step 1"}
    return Reply(data=where)


def plan_of(page: MemoryPage) -> MemoryPlan:
    plan = page.context.session.plan
    assert plan is not None
    return plan


def test_a_trace_of_all_methods(page: MemoryPage, qtbot: QtBot) -> None:
    session, source = page.context.session, page.source
    assert source.chip.text == "Formula"
    qtbot.mouseClick(source.trace, LEFT)
    assert DryRunRequest.model_validate(task(page).request).settings == session.settings
    assert task(page).job == "dry_run"
    assert source.cancel.isVisible()
    assert not source.trace.isVisible()
    task(page).say(Progress(phase="planning", message="Tracing QLoRA 8-bit", share=0.2))
    assert source.note.text() == "Tracing QLoRA 8-bit"
    assert source.bar.value() == 200
    end(page, traces(page))
    assert {plan.source for plan in session.plans} == {"dry-run"}
    assert source.chip.text == "Traced"
    assert "traced without weights" in page.banner.accessibleName()
    assert not source.bar.isVisible()


def test_a_measurement_replaces_the_estimate(page: MemoryPage, qtbot: QtBot) -> None:
    session = page.context.session
    qtbot.mouseClick(page.source.measure, LEFT)
    assert ProbeRequest.model_validate(task(page).request).settings == session.settings
    assert session.measuring
    end(page, measurement(page))
    assert not session.measuring
    assert [plan.source for plan in session.plans] == ["measured", *["formula"] * 4]
    assert page.source.chip.text == "Measured"
    assert page.subtitle().startswith("3.00 of")
    assert "measured on this device" in page.banner.accessibleName()


def test_a_trace_does_not_replace_what_was_measured(page: MemoryPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(page.source.measure, LEFT)
    end(page, measurement(page))
    qtbot.mouseClick(page.source.trace, LEFT)
    end(page, traces(page))
    sources = [plan.source for plan in page.context.session.plans]
    assert sources == ["measured", *["dry-run"] * 4]


@pytest.mark.parametrize(
    "change",
    [
        {"training.micro_batch": 4},
        {"data.max_length": 64},
        {"adapter.rank": 4},
        {"training.optimizer": "sgd"},
        {"training.gradient_checkpointing": "all"},
        {"training.accumulation": 3},
        {"training.compile": True},
        {"data.held_out": 0.3},
    ],
)
def test_a_result_belongs_to_its_settings(
    page: MemoryPage, qtbot: QtBot, change: dict[str, Any]
) -> None:
    session = page.context.session
    qtbot.mouseClick(page.source.measure, LEFT)
    end(page, measurement(page))
    exact = plan_of(page)
    session.change(change)
    assert plan_of(page).source == "formula"
    assert page.source.chip.text == "Formula"
    assert "for other settings" in page.source.words.text()
    session.undo()
    assert plan_of(page) == exact
    assert page.source.chip.text == "Measured"


def test_what_does_not_change_memory_keeps_the_result(page: MemoryPage, qtbot: QtBot) -> None:
    session = page.context.session
    qtbot.mouseClick(page.source.measure, LEFT)
    end(page, measurement(page))
    session.change({"training.steps": 7, "training.learning_rate": 1e-3, "name": "other"})
    assert plan_of(page).source == "measured"
    assert "other settings" not in page.source.words.text()


def test_another_device_has_another_result(page: MemoryPage, qtbot: QtBot) -> None:
    session = page.context.session
    qtbot.mouseClick(page.source.trace, LEFT)
    end(page, traces(page))
    session.choose_device(Device("Card", 24 * GIB, 24 * GIB, "card"))
    assert plan_of(page).source == "formula"
    session.choose_device(DEVICE)
    assert plan_of(page).source == "dry-run"


def test_a_result_that_comes_after_a_change_goes_to_the_old_settings(
    page: MemoryPage, qtbot: QtBot
) -> None:
    session = page.context.session
    qtbot.mouseClick(page.source.measure, LEFT)
    late = measurement(page)
    assert "as they were" not in page.source.note.text()
    session.change({"training.micro_batch": 2, "model.bits": 4})
    assert "as they were when it began" in page.source.note.text()
    end(page, late)
    assert {plan.source for plan in session.plans} == {"formula"}
    session.undo()
    assert plan_of(page).source == "measured"


def test_changes_are_compared_by_formula(page: MemoryPage, qtbot: QtBot) -> None:
    """Or a change of the rank would seem to cost what the formulas were off by."""
    session = page.context.session
    qtbot.mouseClick(page.source.measure, LEFT)
    end(page, measurement(page, peak=9 * GIB))
    session.change({"adapter.rank": 32})
    assert session.last_change.startswith("Rank r 16 → 32: +")
    assert session.last_change.endswith(("MiB", "+0.01 GiB"))


def test_what_is_proposed_starts_from_what_was_measured(page: MemoryPage, qtbot: QtBot) -> None:
    session = page.context.session
    assert page.fit.title.text() == "Room to spare"
    qtbot.mouseClick(page.source.measure, LEFT)
    end(page, measurement(page, peak=30 * GIB))
    case = session.case()
    assert case is not None
    assert case.plan(session.settings) == plan_of(page)
    assert page.fit.title.text() == "Make it fit"
    assert page.banner.text.startswith("LoRA 16-bit misses by")
    smaller = session.settings.with_changes({"training.micro_batch": 1})
    assert case.plan(smaller).peak_bytes < plan_of(page).peak_bytes


def test_memory_that_ran_out_is_a_result_of_these_settings(page: MemoryPage, qtbot: QtBot) -> None:
    session = page.context.session
    qtbot.mouseClick(page.source.measure, LEFT)
    end(page, exhaustion())
    assert page.banner.text == "LoRA 16-bit ran out of memory when it was measured."
    assert "in step 1, at 5.00 GiB" in page.banner.accessibleName()
    assert page.mark() == "error"
    assert page.fit.title.text() == "Make it fit"
    assert "the run needs more than was free" in page.source.words.text()
    session.change({"training.micro_batch": 1})
    assert "ran out" not in page.banner.text
    assert page.mark() == "ok"
    session.undo()
    assert "ran out" in page.banner.text
    qtbot.mouseClick(page.source.measure, LEFT)
    end(page, measurement(page))  # with other programs closed
    assert "ran out" not in page.banner.text


def test_cancel_ends_the_worker_and_keeps_nothing(page: MemoryPage, qtbot: QtBot) -> None:
    for start in (page.source.trace, page.source.measure):
        qtbot.mouseClick(start, LEFT)
        qtbot.mouseClick(page.source.cancel, LEFT)
        assert task(page).cancelled
        assert not page.context.session.measuring
        assert start.isVisible()
        assert (plan_of(page).source, page.source.note.text()) == ("formula", "")


@pytest.mark.parametrize("which", ["trace", "measure"])
def test_a_worker_that_dies_is_told(page: MemoryPage, qtbot: QtBot, which: str) -> None:
    qtbot.mouseClick(getattr(page.source, which), LEFT)
    end(page, outcome="interrupted")
    words = "out of memory" if which == "measure" else "Nothing is lost"
    assert words in page.source.note.text()
    assert page.source.note.property("tone") == "danger"
    qtbot.mouseClick(getattr(page.source, which), LEFT)
    assert "worker ended" not in page.source.note.text()


def test_a_refusal_of_the_worker_is_told(page: MemoryPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(page.source.measure, LEFT)
    task(page).say(RunEnded(outcome="failed", message="The run x is training.", hint="Wait."))
    task(page).on_gone()
    assert page.source.note.text() == "The run x is training. Wait."
    page.context.session.change({"adapter.rank": 4})
    assert page.source.note.text() == ""


def test_what_was_measured_elsewhere_is_not_taken(page: MemoryPage, qtbot: QtBot) -> None:
    """A build of torch without CUDA trains on the processor, whatever the driver offers."""
    qtbot.mouseClick(page.source.measure, LEFT)
    data = {**measurement(page).data, "device": "cuda"}
    end(page, Reply(data=data))
    assert plan_of(page).source == "formula"
    assert page.source.note.text().startswith("A run would use cuda, not the This computer")


def test_a_model_that_cannot_be_traced_says_why(page: MemoryPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(page.source.trace, LEFT)
    end(page, traces(page, why_not="Its blocks are not marked."))
    assert plan_of(page).source == "formula"
    assert page.source.note.text() == "It cannot be traced. Its blocks are not marked."
    page.context.session.change({"adapter.rank": 4})
    assert page.source.note.text() == ""


def choose_card(context: PageContext) -> None:
    context.session.choose_device(Device("Card", 24 * GIB, 24 * GIB, "card"))


def let_a_gpu_come_first(context: PageContext) -> None:
    context.session.devices = [Device("RTX", 24 * GIB, 24 * GIB, "cuda"), DEVICE]
    context.session.plan_again()


def lose_the_data(context: PageContext) -> None:
    context.session.data = None
    context.session.plan_again()


def take_a_hub_model(context: PageContext) -> None:
    take_model(context, replace(make_model(4), path="", kind="hub"))


def let_a_run_train(context: PageContext) -> None:
    context.run._set_phase(RunPhase.RUNNING, "step 1")


@pytest.mark.parametrize(
    ("obstacle", "why"),
    [
        (choose_card, "Only a device of this computer"),
        (let_a_gpu_come_first, "A run would use the RTX"),
        (lose_the_data, "until the data has been read"),
        (take_a_hub_model, "download the model first"),
        (let_a_run_train, "until the run has ended"),
    ],
)
def test_where_it_cannot_be_measured_the_reason_stands_beside_it(
    page: MemoryPage, qtbot: QtBot, obstacle: Callable[[PageContext], None], why: str
) -> None:
    obstacle(page.context)
    assert not page.source.measure.isEnabled()
    assert page.source.trace.isEnabled()
    assert why in page.source.note.text()
    qtbot.mouseClick(page.source.measure, LEFT)
    page.context.exact.measure()
    assert page.context.exact.job == ""


def test_a_run_that_begins_gets_the_memory(page: MemoryPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(page.source.measure, LEFT)
    let_a_run_train(page.context)
    assert task(page).cancelled
    assert page.source.note.text() == "Measuring was given up: the run needs the memory."
    page.context.run._set_phase(RunPhase.FINISHED, "")
    qtbot.mouseClick(page.source.trace, LEFT)
    let_a_run_train(page.context)
    assert not task(page).cancelled  # a trace needs next to nothing


def test_the_memory_of_a_probe_is_nobody_elses(
    page: MemoryPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = page.context.session
    qtbot.mouseClick(page.source.measure, LEFT)
    taken = replace(DEVICE, free_bytes=DEVICE.free_bytes // 2)
    monkeypatch.setattr("app.session.find_devices", lambda: [taken])
    page.hide()
    page.show()
    assert session.device == DEVICE
    learned = replace(DEVICE, overheads=(Overhead(GIB, GIB),))
    monkeypatch.setattr("app.session.find_devices", lambda: [learned])
    end(page, measurement(page))
    assert session.device == learned
    assert session.formulas[1].calibrated_by == 1
    session.change({"model.bits": 8})
    assert "Calibrated by 1 measurement on this machine." in page.source.words.text()


def test_a_device_that_was_measured_crosses_to_the_worker(page: MemoryPage, qtbot: QtBot) -> None:
    session = page.context.session
    session.choose_device(replace(DEVICE, overheads=(Overhead(GIB, GIB, brief=True),)))
    page.context.launch.preflight.run()
    lane = page.context.assistant.data
    asked = json.loads(json.dumps(lane.last("check").request))  # type: ignore[attr-defined]
    assert CheckRequest.model_validate(asked).device == session.device
    qtbot.mouseClick(page.source.trace, LEFT)
    traced = json.loads(json.dumps(task(page).request))
    assert DryRunRequest.model_validate(traced).device == session.device


def test_why_explains_the_sources(page: MemoryPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(page.source.why, LEFT)
    assert page.source.panel.isVisible()
    assert "three ways" in page.source.panel.accessibleName()


def test_no_plan_no_buttons(page: MemoryPage) -> None:
    page.context.session.model = None
    page.context.session.plan_again()
    assert not page.source.isVisible()
    exact: ExactPlans = page.context.exact
    exact.trace()
    assert exact.job == ""


# -- how good the plan was ----------------------------------------------------------------------


def test_before_the_first_measurement_the_card_says_what_will_be_there(page: MemoryPage) -> None:
    assert page.evidence.nothing.isVisible()
    assert not page.evidence.table.isVisible()


def test_the_newest_measurements_of_this_device_are_listed(page: MemoryPage) -> None:
    for number in range(1, 8):
        keep(measured(number, measured_bytes=number * GIB))
    keep(measured(9, device="NVIDIA RTX", device_kind="cuda"))
    keep(measured(8, kind="probe", measured_bytes=2 * GIB))
    page.refresh()
    evidence = page.evidence
    assert not evidence.nothing.isVisible()
    spoken = evidence.table.accessibleDescription().split(". ")
    assert len(spoken) == 5
    assert spoken[0] == "Probe, LoRA 16-bit: planned 2.00, measured 2.00, off by +0.0 %"
    assert spoken[1] == "run-7: planned 2.00, measured 7.00, off by −71.4 %"
    assert evidence.summary.text().startswith("2 of 8 within 10 %.")


def test_a_damaged_file_shows_what_is_left(page: MemoryPage) -> None:
    keep(measured(1))
    measurements_file().write_bytes(b"\x00\xff{" + measurements_file().read_bytes())
    page.refresh()
    assert page.evidence.table.accessibleDescription().startswith("run-1: ")
    measurements_file().write_bytes(b"\xff" * 1000)
    page.refresh()
    assert page.evidence.nothing.isVisible()


def test_every_control_has_a_name(page: MemoryPage) -> None:
    for part in (page.source, page.evidence):
        assert all(made.accessibleName() for made in part.findChildren(QPushButton))
    assert isinstance(page.source, PlanSource)
    assert gib(GIB) == "1.00"
