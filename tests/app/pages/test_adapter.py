"""Adapter page: strokes, presets, rank and undo through real clicks and keys."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.pages.adapter import AdapterPage
from app.pages.base import PageContext
from app.widgets.grid_geometry import Cell
from core.models.info import ModelInfo
from tests.app.pages.conftest import make_model, take_model


@pytest.fixture
def page(qtbot: QtBot, context: PageContext, small_model: ModelInfo) -> AdapterPage:
    take_model(context, small_model)
    made = AdapterPage(context)
    qtbot.addWidget(made)
    made.resize(1080, 624)
    made.show()
    return made


def at(page: AdapterPage, cell: Cell) -> QPoint:
    return page.targets.grid.geometry_now().cell_rect(cell).center().toPoint()


def click(page: AdapterPage, cell: Cell, modifier: object = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.mouseClick(
        page.targets.grid.viewport(), Qt.MouseButton.LeftButton, modifier, at(page, cell)
    )


def targeted(page: AdapterPage) -> set[Cell]:
    session = page.context.session
    modules = (session.model.grid.by_name[name] for name in session.target_names())
    return {(module.kind, module.layer) for module in modules}


def test_click_toggles_one_cell_and_undo_brings_it_back(page: AdapterPage, qtbot: QtBot) -> None:
    everything = targeted(page)
    click(page, ("mlp.up_proj", 2))
    assert everything - targeted(page) == {("mlp.up_proj", 2)}
    assert page.targets.count.text() == "27 of 28 matrices"
    assert page.targets.presets["own"].isChecked()
    qtbot.mouseClick(page.undo_button, Qt.MouseButton.LeftButton)
    assert targeted(page) == everything
    assert page.targets.presets["all"].isChecked()


def test_a_drag_is_one_stroke_with_the_state_of_its_first_cell(page: AdapterPage) -> None:
    click(page, ("self_attn.k_proj", 1))  # frozen now: the stroke must not turn it on again
    before = targeted(page)
    viewport = page.targets.grid.viewport()
    cells = [("self_attn.q_proj", 0), ("self_attn.k_proj", 1), ("self_attn.v_proj", 2)]
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(viewport, left, pos=at(page, cells[0]))
    for cell in cells[1:]:
        QTest.mouseMove(viewport, at(page, cell))
    QTest.mouseRelease(viewport, left, pos=at(page, cells[-1]))
    assert targeted(page) == before - set(cells)
    page.context.session.undo()
    assert targeted(page) == before


def test_shift_click_fills_a_rectangle(page: AdapterPage) -> None:
    click(page, ("self_attn.q_proj", 0))
    click(page, ("self_attn.v_proj", 1), Qt.KeyboardModifier.ShiftModifier)
    frozen = set(page.context.session.model.grid.cells) - targeted(page)
    kinds = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
    assert frozen == {(kind, layer) for kind in kinds for layer in (0, 1)}


def test_heads_toggle_their_line(page: AdapterPage) -> None:
    geometry = page.targets.grid.geometry_now()
    viewport, left = page.targets.grid.viewport(), Qt.MouseButton.LeftButton
    layer_head = QPoint(geometry.column_left(2) + 4, 8)
    QTest.mouseClick(viewport, left, pos=layer_head)
    assert not any(layer == 2 for _, layer in targeted(page))
    QTest.mouseClick(viewport, left, pos=layer_head)
    assert sum(layer == 2 for _, layer in targeted(page)) == 7
    QTest.mouseClick(viewport, left, pos=QPoint(10, geometry.row_top(6) + 4))
    assert not any(kind == "mlp.down_proj" for kind, _ in targeted(page))


def test_keyboard_reaches_every_state(page: AdapterPage, qtbot: QtBot) -> None:
    grid = page.targets.grid
    grid.setFocus()
    grid.select(("self_attn.q_proj", 0))
    qtbot.keyClick(grid, Qt.Key.Key_Space)
    assert ("self_attn.q_proj", 0) not in targeted(page)
    qtbot.keyClick(grid, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(grid, Qt.Key.Key_Down)
    assert grid.cursor_cell == ("self_attn.k_proj", 1)
    assert ("self_attn.q_proj", 1) not in targeted(page)
    assert "Layer 1, self_attn.k_proj, adapted" in grid.accessibleDescription()
    qtbot.keyClick(grid, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(targeted(page)) == 28
    qtbot.keyClick(grid, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert not targeted(page)


@pytest.mark.parametrize(("preset", "count"), [("all", 28), ("attention", 16), ("mlp", 12)])
def test_presets(page: AdapterPage, qtbot: QtBot, preset: str, count: int) -> None:
    qtbot.mouseClick(page.targets.presets[preset], Qt.MouseButton.LeftButton)
    assert len(targeted(page)) == count
    assert page.targets.presets[preset].isChecked()
    assert sum(chip.isChecked() for chip in page.targets.presets.values()) == 1


def test_last_layers_and_none(page: AdapterPage, qtbot: QtBot) -> None:
    page.targets._last_menu.actions()[1].trigger()
    assert {layer for _, layer in targeted(page)} == {2, 3}
    assert page.targets.last.text() == "Last 2 layers"
    assert page.targets.last.isChecked()
    qtbot.mouseClick(page.targets.presets["none"], Qt.MouseButton.LeftButton)
    assert not targeted(page)
    assert page.mark() == "error"
    assert "choose at least one" in page.targets.count.text()


def test_rank_slider_moves_count_and_plans(page: AdapterPage) -> None:
    session = page.context.session
    before = session.plan.peak_bytes
    page.form.slider.slider.setValue(6)
    assert session.settings.adapter.rank == 64
    per_rank = sum(sum(m.shape) for m in session.model.grid.modules)
    assert page.form.trainable.number.text() == f"{64 * per_rank:,}"
    assert session.plan.peak_bytes > before
    assert page.form.scale.text() == "scale α/r = 0.5"


def test_method_and_precision(page: AdapterPage, qtbot: QtBot) -> None:
    page.form.method.field.set_value("rslora")
    assert page.context.session.settings.adapter.method == "rslora"
    assert page.form.scale.text() == "scale α/√r = 8"
    assert not page.form.double_quant.field.isEnabled()
    page.form.bits.field.set_value(4)
    assert page.form.double_quant.field.isEnabled()
    assert page.subtitle() == "rsLoRA 4-bit r 16"


def test_without_a_model_the_page_says_so(qtbot: QtBot, context: PageContext) -> None:
    page = AdapterPage(context)
    qtbot.addWidget(page)
    page.show()
    assert page.form.trainable.company.full_text == "Choose a model first."
    assert not page.targets.presets["all"].isEnabled()
    take_model(context, make_model(2))
    assert page.targets.presets["all"].isEnabled()


def test_many_layers_scroll(qtbot: QtBot, context: PageContext) -> None:
    take_model(context, make_model(126))
    page = AdapterPage(context)
    qtbot.addWidget(page)
    page.resize(900, 600)
    page.show()
    bar = page.targets.grid.horizontalScrollBar()
    assert bar.maximum() > 0
    page.targets.grid.select(("mlp.up_proj", 125))
    assert bar.value() > 0
    geometry = page.targets.grid.geometry_now()
    assert geometry.cell_rect(("mlp.up_proj", 125)).right() < page.targets.grid.viewport().width()


def named(widget: QWidget) -> str:
    return widget.accessibleName()


def test_everything_that_takes_the_focus_has_a_name(page: AdapterPage) -> None:
    for widget in page.findChildren(QWidget):
        takes_focus = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        if takes_focus and widget.isVisible():
            assert named(widget), widget
