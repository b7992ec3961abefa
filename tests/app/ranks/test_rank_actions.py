"""The bar of actions: what is previewed, asked for and said before anything is written."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from app.rank_actions.damp import DampAction
from app.rank_actions.dense import ConvertAction, ExtractAction
from app.rank_actions.evaluate import EvaluateAction
from app.rank_actions.export import ClipAction, GrowAction
from app.rank_actions.merge import MergeAction
from app.rank_actions.retrain import RetrainAction
from app.rank_actions.truncate import TruncateAction
from core.adapters.base import LowRankSettings
from core.control import Control
from core.errors import UserError
from core.events import Reply, RunEnded
from core.jobs.adapter import AdapterDesk, AdapterRequest
from core.jobs.damp import DampRequest
from core.jobs.dense import DenseRequest
from core.ranks import adapter_spectra
from core.ranks.before_after import BeforeAfter, Change, Side
from core.ranks.evidence_shelf import keep_evidence
from tests.app.ranks.rank_page import KINDS, LAYERS, RANK, Desk, beside_base, updates
from tests.core.ranks.rank_folders import PREFIX, Q3, UP0, pair, write_adapter

SIZE = sum(sum(shape) for shape in KINDS.values()) * LAYERS
"""Parameters of one direction of every module."""


@pytest.fixture
def ready(trained: Desk) -> Desk:
    """A run that has left an adapter."""
    tensors: dict[str, Any] = {}
    for update in updates(1):
        tensors |= pair(update.name, KINDS[update.name.split(".", 3)[-1]])
    write_adapter(trained.folder.path / "adapter", tensors)
    trained.run.phase_changed.emit()
    trained.page.desk.set_k(2)
    return trained


def press(qtbot: QtBot, desk: Desk, kind: type[Any]) -> Any:
    """Click the button of an action and return its open panel."""
    act = desk.page.act
    action = next(action for action in act.buttons if isinstance(action, kind))
    if act.buttons[action].isVisible():
        qtbot.mouseClick(act.buttons[action], Qt.MouseButton.LeftButton)
    else:
        act._menu.aboutToShow.emit()
        next(a for a in act._menu.actions() if a.text() == action.button_text()).trigger()
    qtbot.wait(1)
    assert act.opened is action
    return action


def test_only_what_works_is_offered(trained: Desk) -> None:
    offered = [action for action in trained.page.act.buttons if action.offered()]
    assert not any(isinstance(action, TruncateAction | GrowAction) for action in offered)


def test_truncation_is_previewed_before_it_is_written(qtbot: QtBot, ready: Desk) -> None:
    action = press(qtbot, ready, TruncateAction)
    assert f"{2 * SIZE:,} of {RANK * SIZE:,} parameters (50.0 %)" in action.preview.text()
    assert action.writing.folder.text() == str(ready.folder.path / "adapter-r2")
    ready.page.desk.set_k(1)
    assert f"{SIZE:,} of" in action.preview.text()
    assert action.writing.folder.text().endswith("adapter-r1")
    action.way.set_value("energy")
    assert action.share.isVisible()
    assert action.writing.folder.text().endswith("adapter-e95")
    assert not (ready.folder.path / "adapter-e95").exists()


def test_truncation_is_asked_of_the_worker(qtbot: QtBot, ready: Desk) -> None:
    action, lane = press(qtbot, ready, TruncateAction), ready.assistant.data
    action.way.set_value("parameters")
    qtbot.mouseClick(action.writing.write, Qt.MouseButton.LeftButton)
    [(job, content)] = lane.asked
    request = AdapterRequest(**content)
    assert (job, request.way, request.value) == ("adapter", "parameters", 2 * SIZE)
    events = list(AdapterDesk().run(request, Control()))
    lane.say(events[-1])
    lane.say(RunEnded(outcome="finished"))
    assert "Read back by the rule of PEFT" in action.writing.outcome.text()
    written = adapter_spectra(Path(request.out))
    assert sum(m.rank * sum(m.shape) for m in written.modules) <= 2 * SIZE
    lane.say(Reply(data=dataclasses.asdict(_written(request.out))))
    assert action.writing.write.isEnabled()


def _written(out: str) -> Any:
    from core.ranks.actions.write import Written

    return Written(out, 1, 1, 1, 1, {"PEFT": 0.0})


def test_a_refusal_is_said_in_place(qtbot: QtBot, ready: Desk) -> None:
    action, lane = press(qtbot, ready, TruncateAction), ready.assistant.data
    qtbot.mouseClick(action.writing.write, Qt.MouseButton.LeftButton)
    lane.say(RunEnded(outcome="failed", message="It exists already.", hint="Choose another."))
    assert action.writing.outcome.text() == "It exists already. Choose another."
    assert action.writing.write.isEnabled()


def test_the_proposed_folder_is_always_new(
    qtbot: QtBot, ready: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (ready.folder.path / "adapter-r2").mkdir()
    action = press(qtbot, ready, TruncateAction)
    assert action.writing.folder.text().endswith("adapter-r2-2")
    chosen = str(tmp_path / "mine")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", staticmethod(lambda *_: (chosen, "")))
    choose = next(b for b in action.findChildren(QPushButton) if b.text() == "Choose…")
    qtbot.mouseClick(choose, Qt.MouseButton.LeftButton)
    ready.page.desk.set_k(1)
    assert action.writing.folder.text() == chosen


def test_grow_and_clip_ask_for_their_number(qtbot: QtBot, ready: Desk) -> None:
    grow = press(qtbot, ready, GrowAction)
    assert grow.number.value() == 2 * RANK
    qtbot.mouseClick(grow.writing.write, Qt.MouseButton.LeftButton)
    clip = press(qtbot, ready, ClipAction)
    clip.number.setValue(25.0)
    qtbot.mouseClick(clip.writing.write, Qt.MouseButton.LeftButton)
    asked = [AdapterRequest(**content) for _, content in ready.assistant.data.asked]
    assert [(r.action, r.value) for r in asked] == [("grow", 2 * RANK), ("clip", 0.25)]


def test_a_second_press_closes_the_panel(qtbot: QtBot, ready: Desk) -> None:
    action = press(qtbot, ready, TruncateAction)
    qtbot.mouseClick(ready.page.act.buttons[action], Qt.MouseButton.LeftButton)
    assert ready.page.act.opened is None


def test_before_and_after_stand_side_by_side(qtbot: QtBot, ready: Desk) -> None:
    action, lane = press(qtbot, ready, EvaluateAction), ready.assistant.evidence
    qtbot.mouseClick(action.panel.start, Qt.MouseButton.LeftButton)
    [(_, request)] = lane.asked
    assert request["changes"] == [{"kind": "rank", "value": 2.0}]
    tokens = np.full(20, 10.0)
    losses = {"base": 30.0, "full": 20.0, "rank 2": 21.0}
    sides = tuple(
        Side(name=name, parameters=1, task=np.full(20, loss), general=np.full(20, loss + 5))
        for name, loss in losses.items()
    )
    result = BeforeAfter(
        adapter="a", sides=sides, task_tokens=tokens, general_tokens=tokens
    )  # fmt: skip
    changes = (Change(kind="rank", value=2.0),)
    keep_evidence(ready.page.evidence._request("losses", changes).file(), result)
    lane.say(Reply(data={"path": ""}))
    lane.say(RunEnded(outcome="finished"))
    shown = [widget.text() for widget in action.table.findChildren(type(action.card.title))]
    assert "Truncated to rank 2" in shown
    assert "+0.1000 ± 0.0000" in shown
    assert "3.000 ± 0.000" in shown


def test_retraining_puts_ranks_into_the_settings(
    qtbot: QtBot, ready: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    spectra = ready.page.source.spectra
    assert spectra is not None
    ready.page.context.session.model = _Model(spectra.grid)  # type: ignore[assignment]
    ready.page.act.refresh()
    action = press(qtbot, ready, RetrainAction)
    qtbot.mouseClick(action.go, Qt.MouseButton.LeftButton)
    settings = ready.page.context.session.settings
    assert isinstance(settings.adapter, LowRankSettings)
    assert settings.adapter.rank == 2
    before = ready.folder.settings.adapter
    assert isinstance(before, LowRankSettings)
    assert settings.adapter.alpha / 2 == before.alpha / before.rank  # the scaling stays
    assert ready.went == ["adapter"]


@dataclasses.dataclass
class _Model:
    grid: Any


# -- merging, damping, converting, extracting --------------------------------------------------


def test_a_merge_is_asked_of_the_worker(qtbot: QtBot, ready: Desk, tmp_path: Path) -> None:
    action, lane = press(qtbot, ready, MergeAction), ready.assistant.data
    assert not action.writing.write.isEnabled()
    for name in ("b", "c"):
        action.add_adapter(write_adapter(tmp_path / name, pair(Q3, seed=5)))
    action.remove(0)
    action.weights[1].setValue(-0.5)
    assert "strongest" in action.cut.text()
    qtbot.mouseClick(action.writing.write, Qt.MouseButton.LeftButton)
    [(job, content)] = lane.asked
    request = AdapterRequest(**content)
    assert (job, request.action, request.way) == ("adapter", "merge", "everything")
    assert (request.others, request.weights) == ((str(tmp_path / "c"),), (1.0, -0.5))
    lane.say(list(AdapterDesk().run(request, Control()))[-1])
    lane.say(RunEnded(outcome="finished"))
    full = {m.name: m.rank for m in adapter_spectra(Path(request.out)).modules}
    assert full[Q3] == 2 * RANK


def test_what_is_written_can_be_cancelled(qtbot: QtBot, ready: Desk, tmp_path: Path) -> None:
    action, lane = press(qtbot, ready, MergeAction), ready.assistant.data
    action.add_adapter(write_adapter(tmp_path / "b", pair(Q3)))
    assert action.writing.cancel.isHidden()
    qtbot.mouseClick(action.writing.write, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(action.writing.cancel, Qt.MouseButton.LeftButton)
    assert lane.stopped == 1
    assert action.writing.outcome.text() == "Stopping …"  # it may be too late
    lane.say(RunEnded(outcome="stopped"))
    assert action.writing.outcome.text() == "Nothing was written."
    assert action.writing.write.isEnabled()


def test_damping_waits_for_intruders(qtbot: QtBot, ready: Desk) -> None:
    act = ready.page.act
    damping = next(action for action in act.buttons if isinstance(action, DampAction))
    assert not damping.offered()
    keep_evidence(ready.page.evidence._request("base").file(), beside_base())
    ready.page.evidence._results.clear()
    ready.page.evidence.changed.emit()
    action, lane = press(qtbot, ready, DampAction), ready.assistant.evidence
    action.strength.setValue(40)
    assert "keep 40 % of their size" in action.found.text()
    qtbot.mouseClick(action.writing.write, Qt.MouseButton.LeftButton)
    job, content = lane.asked[-1]
    assert (job, DampRequest(**content).strength) == ("damp", 0.4)
    lane.say(Reply(data={"path": "x", "intruders": 3, "modules": 2, "residual": 0.01}))
    assert "3 intruder dimensions in 2 modules" in action.writing.outcome.text()


def test_only_what_is_no_lora_is_converted(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    for family, config in (("lora", {}), ("dora", {"use_dora": True})):
        tensors = pair(Q3)
        if family == "dora":
            tensors[f"{PREFIX}{Q3}.lora_magnitude_vector"] = np.ones(12, "<f4")
        desk.page.open_adapter(write_adapter(tmp_path / family, tensors, config))
        qtbot.waitUntil(lambda: not desk.page.source.loading)
        act = desk.page.act
        action = next(a for a in act.buttons if isinstance(a, ConvertAction))
        assert action.offered() == (family == "dora")
    action = press(qtbot, desk, ConvertAction)
    assert action.rank.value() == 2 * RANK
    qtbot.mouseClick(action.writing.write, Qt.MouseButton.LeftButton)
    job, content = desk.assistant.data.asked[-1]
    request = DenseRequest(**content)
    assert (job, request.action, request.rank) == ("dense", "convert", 2 * RANK)
    assert request.other == str(tmp_path / "dora")


def test_a_lora_of_two_models(qtbot: QtBot, ready: Desk, tmp_path: Path) -> None:
    ready.page.context.session.model = SimpleNamespace(name="tiny", tensors=())
    ready.page.act.refresh()
    action = press(qtbot, ready, ExtractAction)
    assert not action.writing.write.isEnabled()
    action.tuned.setText(str(tmp_path / "tuned"))
    action.rank.setValue(8)
    qtbot.mouseClick(action.writing.write, Qt.MouseButton.LeftButton)
    request = DenseRequest(**ready.assistant.data.asked[-1][1])
    assert (request.action, request.other, request.rank) == ("extract", str(tmp_path / "tuned"), 8)
    assert request.out == str(tmp_path / "tuned-lora")


# -- the job ------------------------------------------------------------------------------------


def test_the_job_writes_what_was_asked_for(tmp_path: Path) -> None:
    source = write_adapter(tmp_path / "a", {**pair(Q3), **pair(UP0, (24, 10))})
    full = {m.name: m.singular_values for m in adapter_spectra(source).modules}
    cases: list[tuple[dict[str, Any], Any]] = [
        ({"way": "rank", "value": 2}, lambda sigma: sigma[:2]),
        ({"action": "clip", "value": 0.5}, lambda sigma: np.minimum(sigma, sigma[0] / 2)),
        ({"action": "merge", "others": (str(source),), "weights": (1.0, 1.0)}, lambda s: 2 * s),
        ({"action": "grow", "value": 6}, lambda sigma: sigma),
        ({"profile": "universal"}, lambda sigma: sigma),
    ]
    for number, (fields, expected) in enumerate(cases):
        out = tmp_path / f"out-{number}"
        request = AdapterRequest(adapter=str(source), out=str(out), **fields)
        *_, reply = AdapterDesk().run(request, Control())
        assert isinstance(reply, Reply)
        for module in adapter_spectra(out).modules:
            wanted = expected(full[module.name])
            assert module.singular_values[: len(wanted)] == pytest.approx(wanted, rel=1e-5)


def test_the_job_stops_before_anything_appears(tmp_path: Path) -> None:
    source, control = write_adapter(tmp_path / "a", pair(Q3)), Control()
    request = AdapterRequest(adapter=str(source), out=str(tmp_path / "b"), way="rank", value=1)
    control.stop()
    *_, last = AdapterDesk().run(request, control)
    assert isinstance(last, RunEnded)
    assert last.outcome == "stopped"
    assert not (tmp_path / "b").exists()


def test_an_unknown_runtime(tmp_path: Path) -> None:
    source = write_adapter(tmp_path / "a", pair(Q3))
    request = AdapterRequest(adapter=str(source), out=str(tmp_path / "b"), profile="toaster")
    with pytest.raises(UserError, match="no runtime called 'toaster'"):
        list(AdapterDesk().run(request, Control()))


def test_what_cancels_out_leaves_nothing(tmp_path: Path) -> None:
    source = write_adapter(tmp_path / "a", pair(Q3))
    request = AdapterRequest(
        adapter=str(source), out=str(tmp_path / "b"), action="merge", others=(str(source),),
        weights=(1.0, -1.0),
    )  # fmt: skip
    with pytest.raises(UserError, match="Nothing is left"):
        list(AdapterDesk().run(request, Control()))


def test_the_preview_is_of_the_adapter_that_is_written(qtbot: QtBot, ready: Desk) -> None:
    ready.evaluate(80)
    page, state = ready.page, ready.folder.state()
    ready.folder.write_state(state.model_copy(update={"best": "step-00000040"}))
    action = press(qtbot, ready, TruncateAction)
    action.way.set_value("energy")
    assert page.source.step == 80
    assert page.evidence.spectra is page.source.spectra_of(40)
    shown = action.preview.text()
    page.source.show_step(40)
    assert action.preview.text() == shown


def test_the_job_overwrites_nothing(tmp_path: Path) -> None:
    source = write_adapter(tmp_path / "a", pair(Q3))
    request = AdapterRequest(adapter=str(source), out=str(source), way="rank", value=1)
    with pytest.raises(UserError, match="exists already"):
        list(AdapterDesk().run(request, Control()))
