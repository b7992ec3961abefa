"""The proofs and the guards of a run in the window."""

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.pages.base import PageContext
from app.pages.train_proofs import NONE_YET, ProofsView
from core.events import AdapterProven, Notice, RunEnded
from core.run_folder import RunFolder
from core.settings import RunSettings


@pytest.fixture
def view(qtbot: QtBot, context: PageContext, tmp_path: Path) -> ProofsView:
    made = ProofsView(context.run, context.theme)
    qtbot.addWidget(made)
    context.run.run = RunFolder.create(tmp_path / "run", RunSettings())
    made.show()
    return made


def test_nothing_is_proven_before_the_end(view: ProofsView) -> None:
    view.refresh()
    assert view.summary.text() == NONE_YET
    assert not view.open.isVisible()


def test_proofs_and_the_guards_that_spoke_are_shown(view: ProofsView, context: PageContext) -> None:
    assert context.run.run is not None
    context.run.run.report_file.write_text("report")
    proven = AdapterProven(
        modules=14, zero_modules=[], logit_difference=1.0, matched=28, asked=5, stopped=4
    )
    ended = RunEnded(outcome="finished", step=3)
    spoken = Notice(level="warning", message="data.max_length is short.", guard="R4")
    context.run.events = [spoken, proven, ended]
    view.add(ended)
    found = {name: (holds, sentence) for name, holds, sentence in view.lines}
    assert found["X1"][0] is True
    assert found["X3"] == (
        False,
        "4 of 5 answers stopped by themselves, the others ran into the limit of their length.",
    )
    assert found["R4"] == (False, "Max length is short.")
    assert "R1" not in found
    assert view.summary.text() == "2 of 4 proofs hold."
    assert view.open.isVisible()
