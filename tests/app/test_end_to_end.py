"""The whole way with the real window, the real worker and real clicks."""

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from app.application import Application
from app.run_state import RunPhase
from core.memory.measurements import kept
from core.run_folder import RunFolder

LEFT = Qt.MouseButton.LeftButton
WORKER_MS = 180_000  # a worker imports torch and transformers first, on a busy machine slowly


@pytest.fixture
def data_file(tmp_path: Path) -> Path:
    words = ("river", "cat", "word", "bird", "dog", "stream", "pet", "fur")
    rows = [
        {"prompt": f"Define {word} {number}.", "completion": f"A {word} is number {number}."}
        for number in range(12)
        for word in words
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def click(qtbot: QtBot, application: Application, name: str) -> None:
    found = application.window.findChild(QPushButton, name)
    assert found is not None, name
    assert found.isEnabled(), name
    qtbot.mouseClick(found, LEFT)


def type_into(qtbot: QtBot, field: object, text: str) -> None:
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def test_from_model_to_answer(
    application: Application,
    qtbot: QtBot,
    tiny_model: Path,
    data_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window, session, run = application.window, application.session, application.run
    window.show()
    qtbot.waitExposed(window)

    # choose a model by its folder
    window.go("model")
    page = window.page("model")
    type_into(qtbot, page.search, str(tiny_model))
    qtbot.waitUntil(lambda: session.model is not None and session.model.path == str(tiny_model))

    # choose data, see its tokens
    window.go("data")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(data_file), ""))
    qtbot.mouseClick(button(window.page("data"), "Open file…"), LEFT)
    qtbot.waitUntil(lambda: bool((session.data or {}).get("trained_tokens")), timeout=WORKER_MS)
    assert session.data["rows"] == 96

    # switch one module off, in one layer
    window.go("adapter")
    grid = window.page("adapter").targets.grid
    place = grid.geometry_now().cell_rect(("self_attn.k_proj", 1)).center().toPoint()
    qtbot.mouseClick(grid.viewport(), LEFT, pos=QPoint(place))
    assert len(session.target_names()) == 13
    assert session.plan is not None

    # trace and measure what it will need
    window.go("memory")
    qtbot.waitUntil(lambda: window.findChild(QPushButton, "measure_button").isEnabled())
    for name, source in (("trace_button", "dry-run"), ("measure_button", "measured")):
        click(qtbot, application, name)
        qtbot.waitUntil(lambda: not window.context.exact.job, timeout=WORKER_MS)
        assert (window.context.exact.problem, session.plan.source) == ("", source)

    # train until the curve has moved, then stop and save
    assert session.change({"training.steps": 5000, "training.micro_batch": 2})
    window.go("train")
    start = window.findChild(QPushButton, "start_button")
    qtbot.waitUntil(
        lambda: start.isEnabled() and not application.launch.preflight.pending, timeout=WORKER_MS
    )
    qtbot.waitUntil(lambda: start.text() == "Start anyway")  # the few rows are seen many times
    click(qtbot, application, "start_button")
    qtbot.waitUntil(lambda: run.phase is RunPhase.RUNNING, timeout=WORKER_MS)
    qtbot.waitUntil(lambda: len(run.history.steps) > 25, timeout=WORKER_MS)
    assert window.page("train").view.isVisible()
    click(qtbot, application, "stop_button")
    qtbot.waitUntil(lambda: run.phase is RunPhase.STOPPED, timeout=WORKER_MS)
    assert run.run is not None
    assert (run.run.adapter_dir / "adapter_model.safetensors").is_file()
    assert run.history.evaluations["step"][0] == 0

    assert [one.kind for one in kept()] == ["probe", "run"]

    # look at its ranks
    window.go("ranks")
    ranks = window.page("ranks")
    qtbot.waitUntil(lambda: ranks.source.spectra is not None)
    assert len(ranks.source.spectra.modules) == 13

    # ask both
    window.go("try")
    page = window.page("try")
    page.prompt.longest.setValue(5)
    qtbot.keyClicks(page.prompt.field, "Define river 3.")
    click(qtbot, application, "ask_button")
    turn = page.turn
    qtbot.waitUntil(lambda: page.prompt.button.text() == "Ask both", timeout=WORKER_MS)
    feet = [turn.panes[side].foot.text() for side in ("base", "adapter")]
    assert all("tokens/s" in foot for foot in feet), (feet, page.banner.text)

    # and it is in the library
    window.go("runs")
    assert window.page("runs").table.current.run.path == run.run.path
    assert RunFolder.open(run.run.path).state().phase == "stopped"


def button(parent: object, text: str) -> QPushButton:
    return next(b for b in parent.findChildren(QPushButton) if b.text() == text)
