"""Memory page: the table of costs, other cards, and whose memory is in use."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.amounts import GIB, with_unit
from app.device_words import free_words, used_words, windows_words
from app.pages.base import PageContext
from app.pages.memory import MemoryPage
from app.plots.cost_layout import CostLayout
from app.plots.cost_table import CostTable
from app.widgets.card_table import EXAMPLES, example_cards
from app.widgets.device_chooser import DEVICE_ROLE, DeviceChooser
from core.memory.cards import CARDS
from core.memory.devices import Device
from core.models.info import ModelInfo
from tests.app.pages.conftest import make_model, take_model

GPU = Device("NVIDIA RTX", 24 * GIB, 21 * GIB, "cuda", 0, (8, 9), driver_bytes=GIB)


@pytest.fixture
def page(qtbot: QtBot, context: PageContext, small_model: ModelInfo) -> MemoryPage:
    take_model(context, small_model)
    made = MemoryPage(context)
    qtbot.addWidget(made)
    made.resize(1080, 624)
    made.show()
    return made


def test_the_table_shows_what_the_plan_counts(page: MemoryPage) -> None:
    plan, table = page.context.session.plan, page.cells.table
    assert plan is not None
    rows, columns = 7, 4
    total = table.value((rows, columns))
    trained = plan.parts["adapter"] + plan.parts["gradients"] + plan.parts["optimizer"]
    assert total is not None
    assert trained < total < trained + plan.parts["activations"]
    assert sum(table.value((row, columns)) or 0 for row in range(rows)) == pytest.approx(total)
    assert sum(table.value((rows, column)) or 0 for column in range(columns)) == pytest.approx(
        total
    )


def test_the_keyboard_reads_cells_and_totals(page: MemoryPage, qtbot: QtBot) -> None:
    table, said = page.cells.table, page.cells.read_out
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert said.text().startswith("Layer 0, k_proj: ")
    assert "kept activations" in said.text()
    qtbot.keyClick(table, Qt.Key.Key_End)
    assert said.text().startswith("k_proj in all layers: ")
    qtbot.keyClick(table, Qt.Key.Key_PageDown)
    assert said.text().startswith("All modules in all layers: ")
    qtbot.keyClick(table, Qt.Key.Key_Home)
    assert said.text().startswith("Layer 0, all modules: ")
    assert table.accessibleDescription() == said.text()
    table.clearFocus()
    assert said.text().startswith("Point at a cell")


def point_at(table: CostTable, x: float, y: float) -> None:
    place, none = QPointF(x, y), Qt.MouseButton.NoButton
    moved = QMouseEvent(
        QEvent.Type.MouseMove, place, place, none, none, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(table, moved)


def test_the_pointer_reads_cells_and_heads(page: MemoryPage) -> None:
    table, said = page.cells.table, page.cells.read_out
    layout = table.layout_now()
    down, first = layout.rect((6, 2)).center(), layout.rect((0, 3)).center()
    point_at(table, down.x(), down.y())
    assert said.text().startswith("Layer 2, down_proj: ")
    point_at(table, 4, first.y())
    assert said.text().startswith("q_proj in all layers: ")
    point_at(table, first.x(), 4)
    assert said.text().startswith("Layer 3, all modules: ")
    QApplication.sendEvent(table, QEvent(QEvent.Type.Leave))
    assert said.text().startswith("Point at a cell")


def test_a_cell_that_is_no_target_tells_what_it_would_cost(page: MemoryPage) -> None:
    page.context.session.change({"adapter.targets": ("q_proj@2-3",)})
    table = page.cells.table
    assert table.value((0, 2))
    assert table.value((0, 0)) is None
    words = table.sentence((0, 0))
    assert words.startswith("Layer 0, q_proj is not adapted; as a target it would cost ")
    assert "because backward would go through 2 more layers" in words
    assert "more layer" not in table.sentence((1, 3))
    assert table.sentence((1, 4)) == "k_proj in all layers: not adapted."


def test_computed_again_is_said(page: MemoryPage) -> None:
    page.context.session.change({"training.gradient_checkpointing": "all"})
    assert "computed again" in page.cells.table.sentence((0, 0))


@pytest.mark.parametrize(("layers", "width"), [(30, 1000), (80, 1000), (126, 1000), (126, 700)])
def test_any_number_of_layers_fits_without_scrolling(layers: int, width: int) -> None:
    layout = CostLayout.fit(("self_attn.q_proj", "mlp.up_proj"), tuple(range(layers)), width, 60)
    assert [layer for group in layout.groups for layer in group] == list(range(layers))
    assert layout.pitch >= 8
    assert layout.rect((0, len(layout.groups))).right() <= width
    assert len({len(group) for group in layout.groups[:-1]}) == 1
    for place in ((0, 0), (1, len(layout.groups) - 1), (2, 3), (1, len(layout.groups))):
        assert layout.place_at(layout.rect(place).center()) == place


def test_126_layers_share_columns(page: MemoryPage, qtbot: QtBot) -> None:
    take_model(page.context, make_model(126))
    table = page.cells.table
    groups = table.layout_now().groups
    assert len(groups) == 63
    assert table.sentence((0, 1)).startswith("Layers 2 to 3, q_proj: ")


def test_examples_are_of_the_usual_sizes() -> None:
    assert [round(card.total_bytes / GIB) for card in example_cards()] == [8, 12, 16, 24, 48, 80]
    assert all(name in {card.name for card in CARDS} for name in EXAMPLES)


def test_who_has_the_rest() -> None:
    assert free_words(GPU) == "21.0 of 24.0 GiB free"
    assert used_words(GPU) == "2.00 GiB held by other programs, 1.00 by the driver"
    assert windows_words(GPU) == ""
    windows = replace(GPU, free_bytes=int(19.5 * GIB), windows_bytes=int(1.5 * GIB))
    assert used_words(windows).startswith("2.00 GiB held by other programs")
    assert used_words(windows).endswith("1.50 for Windows")
    assert "main memory" in windows_words(windows)
    card = next(card for card in CARDS if card.name == "NVIDIA Tesla T4")
    assert used_words(card) == "1.44 GiB that programs cannot have"


def test_what_is_free_is_measured_when_the_page_is_shown(
    page: MemoryPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = page.context.session
    less = replace(session.device, free_bytes=session.device.free_bytes // 2)
    monkeypatch.setattr("app.session.find_devices", lambda: [less])
    page.hide()
    page.show()
    assert session.device == less
    assert with_unit(less.used_bytes)[:4] in page._bars.caption.full_text


def test_the_chooser_finds_cards_by_name_and_size(page: MemoryPage, qtbot: QtBot) -> None:
    chooser = DeviceChooser(page.context.session, page)
    for text, names in (
        ("4090 laptop", {"NVIDIA GeForce RTX 4090 Laptop"}),
        ("instinct 288", {"AMD Instinct MI350X", "AMD Instinct MI355X"}),
        ("no such card", set()),
    ):
        chooser._fill(text)
        items = [chooser.list.item(i) for i in range(chooser.list.count())]
        found = [item.data(DEVICE_ROLE) for item in items]
        assert {device.name for device in found if device is not None} == names
        assert items
    chooser._fill("24gb")
    sizes = {
        round(device.total_bytes / GIB)
        for i in range(chooser.list.count())
        if (device := chooser.list.item(i).data(DEVICE_ROLE)) is not None
    }
    assert sizes == {24}
