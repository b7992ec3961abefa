"""The Ranks page, driven with real clicks and keys, on spectra of known shape."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from app.rank_explorer import RankExplorer
from app.words import percent
from core.events import RanksComputed
from core.models.info import TensorSpec
from tests.app.ranks.rank_page import KINDS, LAYERS, RANK, Desk, click_cell, spectrum
from tests.core.ranks.rank_folders import PREFIX, Q3, UP0, pair, write_adapter


def wait_read(qtbot: QtBot, page: RankExplorer) -> None:
    qtbot.waitUntil(lambda: not page.source.loading)


def test_empty_page_says_what_will_be_here(desk: Desk) -> None:
    assert desk.page.empty.isVisible()
    assert "which directions training has changed" in desk.page.empty_text.text()
    assert desk.page.subtitle() == ""
    assert desk.page.mark() == ""


def test_before_the_first_evaluation(desk: Desk) -> None:
    desk.run.alive = True
    desk.run.run = desk.folder
    desk.run.run_changed.emit()
    assert "first evaluation" in desk.page.empty_text.text()


def test_newest_step_of_the_run_is_shown(trained: Desk) -> None:
    page = trained.page
    assert not page.empty.isVisible()
    assert page.map.slider.text == "Step 40"
    assert len(page.map.map.values) == LAYERS * len(KINDS)
    assert page.subtitle().endswith(f"of {RANK}")
    assert page.mark() == "ok"
    assert "directions hold 95 % of the change" in page.sentence_label.full_text


def test_click_on_a_cell_moves_everything(qtbot: QtBot, trained: Desk) -> None:
    page = trained.page
    click_cell(qtbot, page, ("self_attn.v_proj", 2))
    assert page.desk.module is not None
    assert page.desk.module.name == "model.layers.2.self_attn.v_proj"
    assert page.table.title.text() == "Layer 2 · v_proj"
    assert spectrum(page).scree.module is page.desk.module
    assert spectrum(page).energy.module is page.desk.module
    k95 = page.desk.module.energy_rank["0.95"]
    assert page.table.text("energy_rank")[0] == f"{k95} of {RANK}"
    assert page.table.text("erank")[0] == f"{page.desk.module.scalars['erank']:.1f}"
    assert "v_proj" in page.map.map.accessibleDescription()


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (Qt.Key.Key_Right, "model.layers.2.self_attn.v_proj"),
        (Qt.Key.Key_Left, "model.layers.0.self_attn.v_proj"),
        (Qt.Key.Key_Up, "model.layers.1.self_attn.q_proj"),
        (Qt.Key.Key_Down, "model.layers.1.mlp.up_proj"),
        (Qt.Key.Key_End, "model.layers.3.self_attn.v_proj"),
        (Qt.Key.Key_Home, "model.layers.0.self_attn.v_proj"),
        (Qt.Key.Key_PageDown, "model.layers.1.mlp.up_proj"),
    ],
)
def test_keys_move_the_selection(qtbot: QtBot, trained: Desk, key: Qt.Key, expected: str) -> None:
    click_cell(qtbot, trained.page, ("self_attn.v_proj", 1))
    qtbot.keyClick(trained.page.map.map, key)
    assert trained.page.desk.module is not None
    assert trained.page.desk.module.name == expected


def test_chevrons_and_brackets(qtbot: QtBot, trained: Desk) -> None:
    page = trained.page
    page.desk.select("model.layers.0.self_attn.q_proj")
    for name in ("Next module", "Previous module", "Previous module"):
        found = [b for b in page.table.findChildren(QPushButton) if b.accessibleName() == name]
        qtbot.mouseClick(found[0], Qt.MouseButton.LeftButton)
    assert page.desk.module is not None
    assert page.desk.module.name == "model.layers.0.self_attn.q_proj"
    page.desk.set_k(2)
    qtbot.keyClick(page.map.map, Qt.Key.Key_BracketRight)
    assert page.desk.k == 3
    qtbot.keyClick(page.map.map, Qt.Key.Key_BracketLeft)
    assert spectrum(page).scree.k == spectrum(page).energy.k == 2


def test_k_is_dragged_in_the_plot(qtbot: QtBot, trained: Desk) -> None:
    energy = spectrum(trained.page).energy
    view = energy.plot.viewport()
    box = energy.plot.getViewBox()
    for k in (1, 3):
        place = energy.plot.mapFromScene(box.mapViewToScene(QPoint(k, 0)))
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=place - QPoint(0, 20))
        assert trained.page.desk.k == k
        assert spectrum(trained.page).scree.k == k
    assert f"{energy.error:.1%}" in energy.accessibleDescription()
    numbers = 3 * sum(sum(shape) for shape in KINDS.values()) * LAYERS
    said = spectrum(trained.page).energy_card.read_out.full_text
    squares = [module.singular_values**2 for module in trained.page.source.spectra.modules]
    error = (sum(s[3:].sum() for s in squares) / sum(s.sum() for s in squares)) ** 0.5
    assert f"k = 3: error {percent(error)}, {numbers} parameters" in said
    qtbot.keyClick(energy, Qt.Key.Key_Home)
    assert (energy.k, spectrum(trained.page).scree.k) == (0, 1)
    assert energy.error == pytest.approx(1.0)


def test_slider_goes_through_the_steps(qtbot: QtBot, trained: Desk) -> None:
    page = trained.page
    page.map.slider.slider.setFocus()
    qtbot.keyClick(page.map.slider.slider, Qt.Key.Key_Left)
    assert page.map.slider.text == "Step 20"
    assert page.map.slider._best_chip.isVisible()
    qtbot.keyClick(page.map.slider.slider, Qt.Key.Key_Home)
    assert page.map.slider.text == "Step 0"
    assert set(page.map.map.values.values()) == {0.0}
    assert page.table.sentence.text().startswith("Still zero")
    assert page.sentence_label.full_text == "Nothing has changed yet."


def test_playing_ends_at_the_newest_step(qtbot: QtBot, trained: Desk) -> None:
    slider = trained.page.map.slider
    slider._timer.setInterval(5)
    qtbot.mouseClick(slider.play, Qt.MouseButton.LeftButton)
    assert slider.text == "Step 0"
    qtbot.waitUntil(lambda: slider.text == "Step 40")
    assert slider.play.accessibleName() == "Play the steps"


def test_a_new_evaluation_is_followed_unless_the_user_looks_back(
    qtbot: QtBot, trained: Desk
) -> None:
    page = trained.page
    trained.run.alive = True
    page.desk.select("model.layers.1.mlp.up_proj")
    trained.evaluate(60)
    assert page.map.slider.text == "Step 60"
    assert page.desk.module is not None
    assert page.desk.module.name == "model.layers.1.mlp.up_proj"
    page.source.show_step(20)
    trained.evaluate(80)
    assert page.map.slider.text == "Step 20"
    assert page.source.steps == [0, 20, 40, 60, 80]


def test_what_came_while_nobody_looked_is_drawn_later(trained: Desk) -> None:
    page = trained.page
    page.hide()
    trained.evaluate(60)
    assert page.map.slider.text == "Step 40"
    page.show()
    assert page.map.slider.text == "Step 60"


def test_a_zero_spectrum_has_no_curve_but_a_sentence(trained: Desk) -> None:
    trained.page.source.show_step(0)
    for plot in (spectrum(trained.page).scree, spectrum(trained.page).energy):
        assert not any(item.isVisible() for item in plot.drawn_items())
        assert plot.accessibleDescription().startswith("Every singular value is zero")
    trained.page.source.show_step(40)
    assert all(item.isVisible() for item in spectrum(trained.page).energy.drawn_items())


def test_colours_keep_their_meaning_while_a_run_is_live(qtbot: QtBot, trained: Desk) -> None:
    card = trained.page.map
    trained.run.alive = True
    card.measure.set_value("spectral")
    before = card.map._range
    trained.evaluate(400)
    assert card.map._range == before
    assert card.fit.isVisible()
    qtbot.mouseClick(card.fit, Qt.MouseButton.LeftButton)
    assert card.map._range[1] > before[1]
    assert not card.fit.isVisible()


def test_every_measure_can_be_shown(trained: Desk) -> None:
    card = trained.page.map
    for index in range(card.measure.count()):
        card.measure.setCurrentIndex(index)
        assert min(card.map.values.values()) > 0


def open_by(page: RankExplorer, entry: str) -> None:
    """Click an entry of the menu of the shown button."""
    menu = page.first_button.menu()
    menu.aboutToShow.emit()
    next(action for action in menu.actions() if action.text() == entry).trigger()


def test_adapter_in_one_file(
    qtbot: QtBot, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"lora_A.weight": "lora_down.weight", "lora_B.weight": "lora_up.weight"}
    kohya = {f"lora_unet_x.{names[key.partition(Q3)[2][1:]]}": v for key, v in pair(Q3).items()}
    folder = write_adapter(tmp_path / "words", kohya)
    file = (folder / "adapter_model.safetensors").rename(tmp_path / "styles.safetensors")
    answer = staticmethod(lambda *_args: (str(file), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", answer)
    open_by(desk.page, "Single file…")
    wait_read(qtbot, desk.page)
    assert [module.rank for module in desk.page.source.spectra.modules] == [RANK]
    assert "single file" in desk.page.evidence.why_not


def test_adapter_from_the_disk_needs_no_run(
    qtbot: QtBot, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_adapter(tmp_path / "words", {**pair(Q3), **pair(UP0, (24, 10))})
    monkeypatch.setattr(
        QFileDialog, "getExistingDirectory", staticmethod(lambda *_args: str(folder))
    )
    open_by(desk.page, "Folder…")
    wait_read(qtbot, desk.page)
    assert desk.page.sentence_label.full_text.startswith("words, made for some/base. ")
    assert desk.page.map.slider.isHidden()
    assert desk.page.map.map.values.keys() == {("self_attn.q_proj", 3), ("mlp.up_proj", 0)}
    assert desk.page.show_run.isHidden()


def test_back_from_an_adapter_to_the_run(qtbot: QtBot, trained: Desk, tmp_path: Path) -> None:
    page = trained.page
    page.open_adapter(write_adapter(tmp_path / "words", pair(Q3)))
    wait_read(qtbot, page)
    trained.evaluate(60)
    assert list(page.map.map.values) == [("self_attn.q_proj", 3)]
    qtbot.mouseClick(page.show_run, Qt.MouseButton.LeftButton)
    assert page.map.slider.text == "Step 60"
    assert len(page.map.map.values) == LAYERS * len(KINDS)


def test_a_broken_adapter_is_said_in_place_and_nothing_is_lost(
    qtbot: QtBot, trained: Desk, tmp_path: Path
) -> None:
    page = trained.page
    folder = write_adapter(tmp_path / "words", pair(Q3))
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    page.open_adapter(folder)
    assert page.banner.isVisible()
    assert "is cut off: 10 bytes are missing" in page.banner.text
    assert len(page.map.map.values) == LAYERS * len(KINDS)


def model_with(shape: tuple[int, int]) -> SimpleNamespace:
    """Return what is read of a model that has the one matrix."""
    tensor = TensorSpec(f"{Q3}.weight", shape, "F32", 4 * shape[0] * shape[1])
    return SimpleNamespace(name="tiny", tensors=(tensor,), grid=SimpleNamespace(by_name={}))


def test_an_adapter_of_another_model_is_said_before_anything_is_measured(
    qtbot: QtBot, desk: Desk, tmp_path: Path
) -> None:
    page, session = desk.page, desk.page.context.session
    page.open_adapter(write_adapter(tmp_path / "words", pair(Q3)))
    wait_read(qtbot, page)
    session.model = model_with((12, 10))
    session.settings_changed.emit()
    assert (page.evidence.why_not, page.mark(), page.banner.isVisible()) == ("", "ok", False)
    session.model = model_with((16, 10))
    session.settings_changed.emit()
    assert "0 of 1 modules match" in page.evidence.why_not
    assert "0 of 1 modules match" in page.banner.text
    assert page.mark() == "warn"


def test_nothing_can_be_measured_of_an_untrained_adapter(
    qtbot: QtBot, desk: Desk, tmp_path: Path
) -> None:
    tensors = {key: value * ("lora_A" in key) for key, value in pair(Q3).items()}
    desk.page.open_adapter(write_adapter(tmp_path / "fresh", tensors))
    wait_read(qtbot, desk.page)
    assert "changed nothing" in desk.page.evidence.why_not


def test_numbers_that_are_not_finite_are_said_in_place(
    qtbot: QtBot, desk: Desk, tmp_path: Path
) -> None:
    tensors = {key: value * np.float32("nan") for key, value in pair(Q3).items()}
    desk.page.open_adapter(write_adapter(tmp_path / "words", tensors))
    wait_read(qtbot, desk.page)
    assert "not finite" in desk.page.banner.text
    assert desk.page.empty.isVisible()


def test_dora_says_what_is_not_shown(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    lengths = {f"{PREFIX}{Q3}.lora_magnitude_vector": np.ones(12, "<f4")}
    tensors = {**pair(Q3), **lengths}
    desk.page.open_adapter(write_adapter(tmp_path / "words", tensors, {"use_dora": True}))
    wait_read(qtbot, desk.page)
    assert "directional part" in desk.page.banner.text


def test_an_adapter_without_a_spectrum_is_said_in_place(
    qtbot: QtBot, desk: Desk, tmp_path: Path
) -> None:
    tensors = {f"{PREFIX}{Q3}.ia3_l": np.full((12, 1), 1.1, "<f4")}
    desk.page.open_adapter(write_adapter(tmp_path / "words", tensors, {"peft_type": "IA3"}))
    wait_read(qtbot, desk.page)
    assert "has no spectrum" in desk.page.banner.text
    assert desk.page.empty.isVisible()


def test_damaged_spectra_of_a_run(trained: Desk) -> None:
    (trained.folder.ranks_dir / "step-00000060.json").write_text("{")
    trained.run.event_arrived.emit(RanksComputed(step=60, path=""))
    assert "holds no spectra" in trained.page.banner.text
    assert len(trained.page.map.map.values) == LAYERS * len(KINDS)


def test_a_run_that_was_deleted(trained: Desk) -> None:
    shutil.rmtree(trained.folder.path)
    trained.run.run = None
    trained.run.run_changed.emit()
    assert trained.page.empty.isVisible()


def test_values_can_be_copied_and_saved(trained: Desk, tmp_path: Path) -> None:
    curves = spectrum(trained.page)
    curves.scree_card.copy_values()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == 1 + RANK
    assert trained.page.desk.module is not None
    sigma = [float(line.split("\t")[1]) for line in lines[1:]]
    assert sigma == trained.page.desk.module.singular_values.tolist()
    curves.energy_card.save_csv(tmp_path / "energy.csv")
    text = (tmp_path / "energy.csv").read_text("utf-8").splitlines()
    assert len(text) == 2 + RANK
    assert float(text[-1].split(",")[1]) == pytest.approx(1.0)


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_rendered_in_both_themes(trained: Desk, choice: Any, qtbot: QtBot, tmp_path: Path) -> None:
    """Every selected cell is drawn in the colour of its value, in both themes alike."""
    trained.page.context.theme.choose(choice)
    heat_map = trained.page.map.map
    picture = heat_map.viewport().grab().toImage()
    largest = max(heat_map.values, key=lambda cell: heat_map.values[cell])
    if largest == heat_map.cell:
        heat_map.select(min(heat_map.values, key=lambda cell: heat_map.values[cell]))
    center = heat_map.geometry_now().cell_rect(largest).center().toPoint()
    assert picture.pixelColor(center).getRgb()[:3] == (253, 231, 37)
    assert not trained.page.grab().isNull()


def test_why_explains_the_numbers(qtbot: QtBot, trained: Desk) -> None:
    page = trained.page
    why: Callable[..., Any] = page.table.findChild
    qtbot.mouseClick(why(QPushButton, "why"), Qt.MouseButton.LeftButton)
    assert page.table.panel.isVisible()
