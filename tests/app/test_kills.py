"""The worker is killed again and again: the window lives, and the run goes on to its end."""

import json
import os
import random
import signal
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.application import Application
from app.run_state import RunPhase

WORKER_MS = 180_000
STEPS = 4000


@pytest.fixture
def draft(application: Application, tiny_model: Path, tmp_path: Path) -> Application:
    rows = [{"prompt": f"Define {n}.", "completion": f"The number {n}."} for n in range(64)]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    changes = {
        "model.source": str(tiny_model),
        "data.path": str(file),
        "training.steps": STEPS,
        "training.micro_batch": 2,
        "training.checkpoint_every": 5,
        "training.evaluate_every": 50,
    }
    application.window.show()
    assert application.session.change(changes)
    return application


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_the_window_outlives_its_workers(draft: Application, qtbot: QtBot, kills: int) -> None:
    run, dice = draft.run, random.Random(7)
    run.start(draft.session.settings)
    reached = 0
    for _ in range(kills):
        worker = run.own_worker
        assert worker is not None
        new = reached + dice.randint(6, 40)
        qtbot.waitUntil(lambda new=new: draft_step(draft) >= new, timeout=WORKER_MS)
        qtbot.wait(dice.randint(0, 300))
        os.kill(worker.pid, signal.SIGKILL)
        qtbot.waitUntil(lambda: run.phase is RunPhase.INTERRUPTED, timeout=WORKER_MS)
        assert draft.window.isVisible()
        assert run.resumable
        checkpoint = max(int(path.name.removeprefix("step-")) for path in run.run.checkpoints())
        reached = draft_step(draft)
        assert reached - checkpoint <= 6
        run.resume()
        qtbot.waitUntil(lambda: run.phase is RunPhase.RUNNING, timeout=WORKER_MS)
        assert run.history.started.first_step == checkpoint
    run.stop()
    qtbot.waitUntil(lambda: run.phase is RunPhase.STOPPED, timeout=WORKER_MS)
    steps = run.history.steps["step"]
    assert steps.tolist() == list(range(1, len(steps) + 1))


def draft_step(application: Application) -> int:
    steps = application.run.history.steps["step"]
    return int(steps[-1]) if len(steps) else 0
