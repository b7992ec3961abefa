"""The views below the heat map, driven with real clicks, on numbers of known shape."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.plots.plot import Plot
from app.plots.plot_card import PlotCard
from app.rank_views.against_base import AgainstBaseView
from app.rank_views.allocation import AllocationView, Proposals
from app.rank_views.does_it_matter import DoesItMatterView
from app.rank_views.explain import ExplainView
from app.rank_views.over_training import OverTrainingView
from app.rank_views.spectrum import SpectrumView
from core.events import Progress, Reply, RunEnded
from core.ranks.course import MOST_STEPS, Course, evenly
from core.ranks.curve import CurvePoint, LossCurve
from core.ranks.evidence import Evidence
from core.ranks.evidence_shelf import keep_evidence
from core.ranks.functional import FunctionalSpectra, FunctionalSpectrum
from tests.app.ranks.rank_page import KINDS, LAYERS, RANK, Desk, beside_base, spectrum, updates
from tests.core.ranks.rank_folders import pair, write_adapter

NAMES = [update.name for update in updates(1)]


def click_at(qtbot: QtBot, plot: Plot, x: float, y: float) -> None:
    """Click at a place of the axes."""
    scene = plot.plot.getViewBox().mapViewToScene(QPointF(x, y))
    place = plot.plot.mapFromScene(scene)
    qtbot.mouseClick(plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=place)


@pytest.fixture
def measured(trained: Desk) -> Desk:
    """A run that has left an adapter, so that it can be measured."""
    tensors: dict[str, Any] = {}
    for name in NAMES:
        tensors |= pair(name, KINDS[name.split(".", 3)[-1]])
    write_adapter(trained.folder.path / "adapter", tensors)
    trained.run.phase_changed.emit()
    return trained


def keep(desk: Desk, measure: Any, result: Evidence) -> None:
    """Do what the worker does at the end of a measurement."""
    request = desk.page.evidence._request(measure)
    keep_evidence((request.as_use() if measure == "use" else request).file(), result)
    desk.page.evidence._results.clear()


def loss_curve() -> LossCurve:
    """A curve on which two directions of four are enough."""
    tokens = np.full(40, 10.0)
    full = np.full(40, 20.0) + np.arange(40)
    costs = {1: 3.0, 2: 0.0, 4: 0.0}
    points = tuple(
        CurvePoint(
            mode="uniform",
            setting=k,
            ranks=dict.fromkeys(NAMES, k),
            parameters=100 * k,
            losses=full + cost,
        )
        for k, cost in costs.items()
    )
    return LossCurve(
        adapter="a", rank=RANK, parameters=100 * RANK, available=40, tokens=tokens,
        base=full + 10, full=full, points=points,
    )  # fmt: skip


def use() -> FunctionalSpectra:
    line = np.array([4.0, 2.0, 1.0, 0.5])
    modules = tuple(
        FunctionalSpectrum(
            name=name, shape=(12, 10), sigma=line, functional=line / 2, energies=line**2,
            null_low=line, null_high=line, null_erank=(3.0, 3.5),
            sensitivity=line / (10 + index), sensitivity_error=line / 100,
        )
        for index, name in enumerate(NAMES)
    )  # fmt: skip
    return FunctionalSpectra(modules=modules, tokens=100, batches=8)


# -- over training ------------------------------------------------------------------------------


def test_time_lapse_grows_by_itself(qtbot: QtBot, trained: Desk) -> None:
    view = trained.see(qtbot, "Over training")
    assert isinstance(view, OverTrainingView)
    qtbot.waitUntil(lambda: view.course.course.steps == [0, 20, 40])
    trained.run.alive = True
    trained.evaluate(60)
    qtbot.waitUntil(lambda: view.course.course.steps == [0, 20, 40, 60])
    assert [row[0] for row in view.directions.rows()[1:]] == ["0", "20", "40", "60"]
    head, *rows = view.directions.rows()
    column = [float(row[head.index("erank_module")]) for row in rows]
    assert trained.page.desk.module is not None
    assert column[0] == 0
    assert column[-1] == pytest.approx(trained.page.desk.module.scalars["erank"], rel=1e-6)
    sigma = [float(value) for value in view.image.rows()[-1][1:]]
    assert sigma == pytest.approx(trained.page.desk.module.singular_values.tolist(), rel=1e-6)


def test_a_click_in_the_time_lapse_goes_to_that_step(qtbot: QtBot, trained: Desk) -> None:
    view = trained.see(qtbot, "Over training")
    assert isinstance(view, OverTrainingView)
    qtbot.waitUntil(lambda: len(view.course.course) == 3)
    click_at(qtbot, view.directions, 19, 1)
    assert trained.page.map.slider.text == "Step 20"
    click_at(qtbot, view.image, 39, 2)
    assert trained.page.map.slider.text == "Step 40"


def test_an_adapter_from_the_disk_has_no_time_lapse(
    qtbot: QtBot, trained: Desk, tmp_path: Path
) -> None:
    view = trained.see(qtbot, "Over training")
    trained.page.open_adapter(write_adapter(tmp_path / "words", pair(NAMES[0])))
    qtbot.waitUntil(lambda: not trained.page.source.loading)
    tabs = trained.page.tabs
    assert not tabs.isTabVisible(tabs.stack.indexOf(view))
    assert tabs.stack.currentWidget() is spectrum(trained.page)


def test_a_damaged_step_is_left_out(qtbot: QtBot, trained: Desk) -> None:
    (trained.folder.ranks_dir / "step-00000020.json").write_text("{")
    view = trained.see(qtbot, "Over training")
    assert isinstance(view, OverTrainingView)
    qtbot.waitUntil(lambda: view.course.course.steps == [0, 40])


@pytest.mark.parametrize("count", [0, 1, 2, 399, 400, 401, 10_000])
def test_few_steps_stand_for_many(count: int) -> None:
    steps = list(range(0, 10 * count, 10))
    kept = evenly(steps)
    assert len(kept) <= MOST_STEPS
    assert kept[-1:] == steps[-1:]
    assert kept[:1] == steps[:1]
    later = evenly([*steps, 10 * count])
    assert set(later[:-1]) <= set(kept)  # what was left out once is never needed again


def test_a_course_of_other_modules_begins_anew() -> None:
    from core.ranks import spectra_of

    course = Course()
    course.add(0, spectra_of(updates(1)))
    course.add(10, spectra_of(updates(1)[:3]))
    assert course.steps == [10]


# -- rank per module ----------------------------------------------------------------------------


def test_allocations_keep_the_budget(trained: Desk) -> None:
    spectra = trained.page.source.spectra
    assert spectra is not None
    proposals = Proposals(spectra)
    costs = {module.name: sum(module.shape) for module in spectra.modules}
    for k in range(RANK + 1):
        equal = sum(k * cost for cost in costs.values())
        assert set(proposals.ranks("uniform", k).values()) == {k}
        for way in ("budget", "energy"):
            ranks = proposals.ranks(way, k)
            assert sum(ranks[name] * costs[name] for name in costs) <= equal
    whole = proposals.ranks("budget", RANK)
    assert set(whole.values()) == {RANK}


def test_a_bar_leads_to_its_module(qtbot: QtBot, trained: Desk) -> None:
    view = trained.see(qtbot, "Rank per module")
    assert isinstance(view, AllocationView)
    click_at(qtbot, view.plot, 4.5, 0.2)
    assert trained.page.desk.module is not None
    assert trained.page.desk.module.name == view.plot.rows()[5][0]
    trained.page.desk.set_k(1)
    before = view.card.caption.full_text
    qtbot.keyClick(view, Qt.Key.Key_BracketRight)
    assert trained.page.desk.k == 2
    assert view.card.caption.full_text != before


# -- measurements -------------------------------------------------------------------------------


def test_nothing_can_be_measured_before_there_is_an_adapter(qtbot: QtBot, trained: Desk) -> None:
    view = trained.see(qtbot, "Does it matter?")
    assert isinstance(view, DoesItMatterView)
    assert not view.panel.start.isEnabled()
    assert "no adapter yet" in view.panel._with.text()


def test_a_measurement_is_asked_for_watched_and_drawn(qtbot: QtBot, measured: Desk) -> None:
    view, lane = measured.see(qtbot, "Does it matter?"), measured.assistant.evidence
    assert isinstance(view, DoesItMatterView)
    qtbot.mouseClick(view.panel.start, Qt.MouseButton.LeftButton)
    [(job, request)] = lane.asked
    assert (job, request["measure"], request["adapter"]) == (
        "evidence", "curve", str(measured.folder.path),
    )  # fmt: skip
    lane.say(Progress(phase="evaluating", message="Rank 2 of 4", share=0.5))
    assert view.panel.bar.value() == 500
    assert "Rank 2 of 4" in view.panel._with.text()
    keep(measured, "curve", loss_curve())
    keep(measured, "use", use())
    lane.say(Reply(data={"path": ""}))
    lane.say(RunEnded(outcome="finished"))
    assert view.loss_card.isVisible()
    assert view.importance_card.isVisible()
    assert "2 of the 4" in view.loss.accessibleDescription()
    assert measured.page.act._words.full_text == "2 of 4 directions are enough."
    assert measured.page.desk.k == 2  # what is recommended is the next step
    assert measured.page.map.measure.findData("sensitivity") >= 0
    click_at(qtbot, view.loss, np.log2(100), 0.1)
    assert measured.page.desk.k == 1


def test_a_measurement_can_be_cancelled_and_can_fail(qtbot: QtBot, measured: Desk) -> None:
    view, lane = measured.see(qtbot, "Against the base"), measured.assistant.evidence
    assert isinstance(view, AgainstBaseView)
    qtbot.mouseClick(view.panel.start, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(view.panel.stop, Qt.MouseButton.LeftButton)
    assert lane.cancelled == 1
    assert view.panel.start.isEnabled()
    qtbot.mouseClick(view.panel.start, Qt.MouseButton.LeftButton)
    lane.say(RunEnded(outcome="failed", message="No base model.", hint="Choose it."))
    assert view.panel._error.text() == "No base model. Choose it."
    assert view.panel.start.isEnabled()


def test_another_adapter_gives_a_measurement_up_and_says_so(
    qtbot: QtBot, measured: Desk, tmp_path: Path
) -> None:
    page = measured.page
    view = measured.see(qtbot, "Against the base")
    assert isinstance(view, AgainstBaseView)
    qtbot.mouseClick(view.panel.start, Qt.MouseButton.LeftButton)
    page.open_adapter(write_adapter(tmp_path / "words", pair(NAMES[0])))
    qtbot.waitUntil(lambda: not page.source.loading)
    assert measured.assistant.evidence.cancelled == 1
    assert page.banner.text == f"The measurement of {measured.folder.path.name} was given up."
    qtbot.mouseClick(page.show_run, Qt.MouseButton.LeftButton)
    assert not page.banner.isVisible()


def test_training_takes_the_device_back(qtbot: QtBot, measured: Desk) -> None:
    view, lane = measured.see(qtbot, "Against the base"), measured.assistant.evidence
    assert isinstance(view, AgainstBaseView)
    qtbot.mouseClick(view.panel.start, Qt.MouseButton.LeftButton)
    measured.run.alive = True
    measured.run.phase_changed.emit()
    assert lane.cancelled == 1
    assert not view.panel.start.isEnabled()


def test_the_threshold_of_intruders_is_dragged(qtbot: QtBot, measured: Desk) -> None:
    keep(measured, "base", beside_base())
    view = measured.see(qtbot, "Against the base")
    assert isinstance(view, AgainstBaseView)
    count = len(NAMES)
    assert view.intruder_card.read_out.full_text == (
        f"all modules: {count} sure, {count} borderline"
    )
    click_at(qtbot, view.intruders, 2, 0.3)
    assert view.threshold == pytest.approx(0.3, abs=0.02)
    assert [row[-1] for row in view.intruders.rows()[1:]] == [
        "no intruder", "no intruder", "intruder",
    ]  # fmt: skip
    measured.page.desk.set_k(2)
    assert "amplifies × 2" in view.alignment_card.read_out.full_text
    measured.page.desk.set_k(3)
    assert "not defined" in view.alignment_card.read_out.full_text


# -- explain ------------------------------------------------------------------------------------


def test_questions_are_answered_with_the_numbers_of_the_module(qtbot: QtBot, trained: Desk) -> None:
    view = trained.see(qtbot, "Explain")
    assert isinstance(view, ExplainView)
    buttons = {b.text(): b for b in view.findChildren(QPushButton)}
    qtbot.mouseClick(buttons["What is a rank?"], Qt.MouseButton.LeftButton)
    assert view.heading.text() == "What is a rank?"
    trained.page.desk.select("model.layers.1.mlp.up_proj")
    assert "24 × 10 numbers" in view.paragraphs[0].text()


# -- taking plots along -------------------------------------------------------------------------


def test_sigma_beside_the_size_of_w0_once_it_is_measured(qtbot: QtBot, measured: Desk) -> None:
    view = measured.see(qtbot, "Spectrum")
    assert isinstance(view, SpectrumView)
    *_, last = view.unit._buttons
    assert last.isHidden()
    keep(measured, "base", beside_base())
    measured.page.evidence.changed.emit()
    assert last.isVisible()
    qtbot.mouseClick(last, Qt.MouseButton.LeftButton)
    module = view.scree.module
    assert module is not None
    drawn = 10**view.scree._curve.yData
    assert drawn == pytest.approx(module.singular_values[: len(drawn)] / 5.0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_plot_can_be_saved(qtbot: QtBot, measured: Desk, tmp_path: Path, theme: Any) -> None:
    keep(measured, "base", beside_base())
    keep(measured, "curve", loss_curve())
    keep(measured, "use", use())
    measured.page.context.theme.choose(theme)
    cards = []
    for title in measured.page.views:
        view = measured.page.views[title]
        if view.offered():
            cards += measured.see(qtbot, title).findChildren(PlotCard)
            qtbot.wait(20)
            for card in filter(PlotCard.isVisible, view.findChildren(PlotCard)):
                saved_well(card, tmp_path)
    measured.page.context.theme.choose("light")
    assert len(cards) >= 10


def saved_well(card: PlotCard, folder: Path) -> None:
    """Save as SVG, PNG and CSV and look into the files."""
    card.save_svg(folder / "a.svg")
    drawing = (folder / "a.svg").read_text("utf-8")
    ElementTree.fromstring(drawing)
    assert card.title.text() in drawing
    assert "step 40" in drawing  # the line that says where the numbers are from
    assert "<image" not in drawing or card.title.text() == "Components"
    card.save_png(folder / "a.png")
    picture = QImage(str(folder / "a.png"))
    assert picture.width() == 2 * card.width()
    card.save_csv(folder / "a.csv")
    head, *lines = (folder / "a.csv").read_text("utf-8").splitlines()
    assert lines, card.title.text()
    assert all(line.count(",") >= head.count(",") for line in lines)
    assert "nan" not in "".join(lines)


def test_all_modules_are_on_the_map(trained: Desk) -> None:
    assert len(trained.page.map.map.values) == LAYERS * len(KINDS)
