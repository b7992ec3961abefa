"""A Ranks page with a run that is not there: spectra of known shape, and what it asks for."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal
from pytestqt.qtbot import QtBot

from app.rank_explorer import RankExplorer
from app.rank_views import RankView
from app.rank_views.spectrum import SpectrumView
from core.events import Event, RanksComputed
from core.history import History
from core.ranks import Update, save_ranks, spectra_of
from core.ranks.against_base import AgainstBase, BaseComparison
from core.ranks.intruders import Intruders
from core.run_folder import RunFolder
from core.settings import RunSettings

KINDS = {"self_attn.q_proj": (12, 10), "self_attn.v_proj": (6, 10), "mlp.up_proj": (24, 10)}
LAYERS = 4
RANK = 4


class FakeRun(QObject):
    """The part of the run controller that the page listens to."""

    run_changed = Signal()
    phase_changed = Signal()
    event_arrived = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.run: RunFolder | None = None
        self.settings: RunSettings | None = None
        self.history = History()
        self.alive = False


class FakeSession(QObject):
    """The part of the session that the page listens to."""

    settings_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.model: Any = None
        self.settings = RunSettings()

    def load(self, settings: RunSettings) -> None:
        self.settings = settings


@dataclass
class FakeLane:
    """Keeps what was asked for; the test answers."""

    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answer: Any = None
    cancelled: int = 0
    stopped: int = 0

    def ask(self, job: str, request: dict[str, Any], on_event: Any) -> "FakeLane":
        self.asked.append((job, request))
        self.answer = on_event
        return self

    def say(self, event: Event) -> None:
        self.answer(event)

    def cancel(self) -> None:
        self.cancelled += 1

    def stop(self) -> None:
        self.stopped += 1

    def release(self) -> None:
        """Nothing is held."""


@dataclass
class FakeAssistant:
    evidence: FakeLane = field(default_factory=FakeLane)
    data: FakeLane = field(default_factory=FakeLane)


@dataclass
class Desk:
    """A shown page with its run."""

    page: RankExplorer
    run: FakeRun
    folder: RunFolder
    assistant: FakeAssistant
    went: list[str]

    def see(self, qtbot: QtBot, title: str) -> RankView:
        """Click the tab of a view and return it."""
        tabs, view = self.page.tabs, self.page.views[title]
        place = tabs.tabRect(tabs.stack.indexOf(view)).center()
        qtbot.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=place)
        qtbot.wait(1)  # what is built on the first look is shown by the next turn of the loop
        assert view.isVisible()
        return view

    def evaluate(self, step: int, *, trained: bool = True) -> None:
        """Do what the worker does at an evaluation."""
        file = self.folder.ranks_dir / f"step-{step:08d}.json"
        save_ranks(file, spectra_of(updates(step, trained=trained)))
        self.run.event_arrived.emit(RanksComputed(step=step, path=str(file)))


def updates(seed: int, *, trained: bool = True) -> list[Update]:
    """Return updates whose strongest direction grows with the seed."""
    random = np.random.default_rng(seed)
    made = []
    for layer in range(LAYERS):
        for kind, (rows, columns) in KINDS.items():
            b = random.standard_normal((rows, RANK)) * trained
            b[:, 0] *= 1 + seed / 10 + layer
            a = random.standard_normal((RANK, columns))
            made.append(Update(f"model.layers.{layer}.{kind}", b, a, 2.0))
    return made


def click_cell(qtbot: QtBot, page: RankExplorer, cell: tuple[str, int]) -> None:
    heat_map = page.map.map
    center = heat_map.geometry_now().cell_rect(cell).center().toPoint()
    qtbot.mouseClick(heat_map.viewport(), Qt.MouseButton.LeftButton, pos=center)


def spectrum(page: RankExplorer) -> SpectrumView:
    view = page.views["Spectrum"]
    assert isinstance(view, SpectrumView)
    return view


def beside_base() -> BaseComparison:
    """Return what was measured beside W₀, with one intruder in every module."""
    found = Intruders(
        sigma=np.array([3.0, 2.0, 1.0]), low=np.array([0.9, 0.4, 0.1]),
        high=np.array([1.0, 0.6, 0.2]), closest=(0, 1, 2),
    )  # fmt: skip
    shares = np.array([0.1, 0.2, 0.3])
    modules = tuple(
        AgainstBase(
            name=name, shape=(12, 10), update_norm=0.5, base_norm=5.0,
            sigma=np.array([0.4, 0.3]), base_sigma=np.array([3.0, 2.0, 1.0]),
            projection=np.array([0.1, 0.25]), outputs=shares, inputs=shares, reweighted=shares / 2,
            intruders=found,
        )
        for name in (update.name for update in updates(1))
    )  # fmt: skip
    return BaseComparison(modules=modules)
