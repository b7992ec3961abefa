"""The Ranks page on the screen, with a run that was evaluated three times."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.pages.base import PageContext
from app.rank_explorer import RankExplorer
from app.style.theme import Theme
from core.run_folder import RunFolder
from core.settings import RunSettings
from tests.app.ranks.rank_page import Desk, FakeAssistant, FakeRun, FakeSession


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Desk:
    run, assistant, went = FakeRun(), FakeAssistant(), []
    context: Any = PageContext(
        theme=Theme(qapp, "light"), session=FakeSession(), run=run, assistant=assistant,
        exact=None, launch=None, messages=None, preferences=None, go=went.append,
    )  # type: ignore[arg-type]  # fmt: skip
    page = RankExplorer(context)
    qtbot.addWidget(page)
    page.resize(1080, 680)
    page.show()
    qtbot.waitExposed(page)
    folder = RunFolder.create(tmp_path / "run", RunSettings())
    return Desk(page, run, folder, assistant, went)


@pytest.fixture
def trained(desk: Desk) -> Desk:
    for step in (0, 20, 40):
        desk.evaluate(step, trained=step > 0)
    desk.folder.update_state(best="step-00000020")
    desk.run.run, desk.run.settings = desk.folder, desk.folder.settings
    desk.run.run_changed.emit()
    return desk
