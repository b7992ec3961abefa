"""The bar of actions: what is previewed, asked for and said before anything is written."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from app.rank_actions.evaluate import EvaluateAction
from app.rank_actions.export import ClipAction, GrowAction
from app.rank_actions.retrain import RetrainAction
from app.rank_actions.truncate import TruncateAction
from core.adapters.base import LowRankSettings
from core.control import Control
from core.errors import UserError
from core.events import Reply, RunEnded
from core.jobs.adapter import AdapterDesk, AdapterRequest
from core.ranks import adapter_spectra
from core.ranks.before_after import BeforeAfter, Change, Side
from core.ranks.evidence_shelf import keep_evidence
from tests.app.ranks.rank_page import KINDS, LAYERS, RANK, Desk, updates
from tests.core.ranks.rank_folders import Q3, UP0, pair, write_adapter

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


def test_the_job_overwrites_nothing(tmp_path: Path) -> None:
    source = write_adapter(tmp_path / "a", pair(Q3))
    request = AdapterRequest(adapter=str(source), out=str(source), way="rank", value=1)
    with pytest.raises(UserError, match="exists already"):
        list(AdapterDesk().run(request, Control()))
