"""The memory page: changes that make a run fit, each applied and taken back with one click."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.application import Application
from app.pages.base import PageContext
from app.pages.memory import MemoryPage
from app.widgets import host_card
from app.widgets.device_chooser import short_name
from app.widgets.fit_card import ChangeRow
from core.memory.cards import CARDS
from core.memory.devices import Device
from core.memory.verdict import judge
from tests.app.pages.conftest import take_model
from tests.core.memory.memory_shapes import LLAMA_65B, llama, model

GIB = 2**30
LEFT = Qt.MouseButton.LeftButton
CARD = Device("Card", 24 * GIB, 24 * GIB, "card")
LONG = {"data.max_length": 1024, "training.micro_batch": 8}


@pytest.fixture
def page(context: PageContext, qtbot: QtBot) -> Iterator[MemoryPage]:
    take_model(context, model(llama()))
    context.session.choose_device(CARD)
    context.session.change(LONG)
    made = MemoryPage(context)
    qtbot.addWidget(made)
    made.resize(1080, 700)
    made.show()
    yield made
    made.hide()


def rows(page: MemoryPage) -> list[ChangeRow]:
    return [row for row in page.fit.findChildren(ChangeRow) if row.isVisible()]


def answer(page: MemoryPage) -> str:
    session = page.context.session
    assert session.plan is not None
    return judge(session.plan, session.device)


def test_one_click_makes_it_fit_and_one_takes_all_back(page: MemoryPage, qtbot: QtBot) -> None:
    session = page.context.session
    before = session.settings
    assert answer(page) == "does not fit"
    assert page.fit.title.text() == "Make it fit"
    assert len(rows(page)) > 1
    assert f"{len(rows(page))} changes would make it fit." in page.banner.accessibleName()
    qtbot.mouseClick(page.fit.all, LEFT)
    assert answer(page) == "fits"
    assert page.fit.undo.isVisible()
    assert page.fit.undo.hasFocus()
    qtbot.mouseClick(page.fit.undo, LEFT)
    assert session.settings == before
    assert answer(page) == "does not fit"
    assert not page.fit.undo.isVisible()


def test_a_single_change_is_applied_and_taken_back(page: MemoryPage, qtbot: QtBot) -> None:
    session = page.context.session
    before, first = session.settings, rows(page)[0]
    assert first.words.text() == "Micro-batch 8 → 1, accumulation 1 → 8"
    others = [row.words.text() for row in rows(page)[1:]]
    qtbot.mouseClick(first.apply, LEFT)
    assert (session.settings.training.micro_batch, session.settings.training.accumulation) == (1, 8)
    assert [row.words.text() for row in rows(page)] == others
    qtbot.mouseClick(page.fit.undo, LEFT)
    assert session.settings == before


def test_undo_is_offered_only_for_what_was_applied_last(page: MemoryPage, qtbot: QtBot) -> None:
    session = page.context.session
    qtbot.mouseClick(page.fit.all, LEFT)
    session.change({"training.steps": 99})
    assert not page.fit.undo.isVisible()
    session.change({"training.steps": 60})  # the same settings, but another change to take back
    assert not page.fit.undo.isVisible()
    session.undo()
    session.undo()
    assert page.fit.undo.isVisible()


def test_a_tight_run_may_lack_what_it_likely_misses(page: MemoryPage) -> None:
    session = page.context.session
    assert session.plan is not None
    between = (session.plan.low_bytes + session.plan.peak_bytes) // 2
    session.choose_device(replace(CARD, free_bytes=between))
    assert answer(page) == "tight"
    assert "GiB may be lacking." in page.banner.text
    assert rows(page)


def test_room_to_spare_is_offered_where_it_fits(page: MemoryPage, qtbot: QtBot) -> None:
    session = page.context.session
    session.choose_device(replace(CARD, total_bytes=80 * GIB, free_bytes=80 * GIB))
    session.change({"model.bits": 4, "training.micro_batch": 2, "training.accumulation": 4})
    before = session.settings
    assert page.fit.title.text() == "Room to spare"
    assert [row.words.text() for row in rows(page)] == [
        "QLoRA 4-bit → LoRA 16-bit",
        "Micro-batch 2 → 8, accumulation 4 → 1",
    ]
    assert page.fit.all.text() == "Apply all"
    qtbot.mouseClick(page.fit.all, LEFT)
    assert (answer(page), rows(page)) == ("fits", [])
    qtbot.mouseClick(page.fit.undo, LEFT)
    assert session.settings == before


def test_where_nothing_helps_the_reason_and_a_card_are_named(page: MemoryPage) -> None:
    take_model(page.context, model(LLAMA_65B))
    page.context.session.choose_device(CARD)
    assert rows(page) == []
    words = page.fit.nothing.text()
    assert "weights alone are too large" in words
    (named,) = (card for card in CARDS if words.endswith(f"is the {short_name(card)}."))
    assert named.free_bytes > 35.3 * GIB
    assert not page.fit.all.isVisible()


def test_main_memory_and_disk_stand_beside_the_card(
    page: MemoryPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, session = page.host, page.context.session
    assert host.title.text() == "Beside the card"
    parameters = 41_943_040  # rank 16 on all matrices of Llama-3-8B
    assert host.disk.value("Checkpoints") == f"{(4 * 12 + 4) * parameters / 1e9:.1f} GB"
    assert (
        host.memory.value("Saving a checkpoint") == f"{(12 + 2 * 8) * parameters / 2**30:.2f} GiB"
    )
    monkeypatch.setattr(host_card, "free_bytes", lambda folder: 10**9)
    session.change({"training.keep_checkpoints": 1000})
    size = (1002 * 12 + 4) * parameters / 1e9
    assert host.disk.value("Checkpoints") == f"{size:.0f} GB, too much"
    assert host.free_disk.full_text == "1.0 GB free"


def test_the_strip_makes_it_fit_on_every_page(shown: Application, qtbot: QtBot) -> None:
    session, window = shown.session, shown.window
    for name in window.page_names():  # all pages listen, also to a number of blocks
        window.go(name)
    assert not any(button.isVisible() for button in window.strip.fit_buttons)
    take_model_into(shown)
    before = session.settings
    window.go("train")
    (button,) = (made for made in window.strip.fit_buttons if made.isVisible())
    qtbot.mouseClick(button, LEFT)
    page = window.current
    assert isinstance(page, MemoryPage)
    assert answer(page) == "fits"
    assert isinstance(session.settings.training.gradient_checkpointing, int)
    assert not button.isVisible()
    qtbot.mouseClick(page.fit.undo, LEFT)
    assert session.settings == before


def take_model_into(shown: Application) -> None:
    """Plan for a large model on a GPU of this computer."""
    session = shown.session
    session.change({**LONG, "data.max_length": 4096})
    session.model = model(llama())
    session.choose_device(replace(CARD, kind="cuda"))


def test_the_next_step_is_filled(shown: Application, qtbot: QtBot) -> None:
    shown.window.go("memory")
    take_model_into(shown)
    shown.launch.check()
    page = shown.window.current
    assert isinstance(page, MemoryPage)
    assert page.fit.all.property("role") == "primary"
    assert shown.window.run_bar.start.property("role") != "primary"
    qtbot.mouseClick(page.fit.all, LEFT)
    assert not page.fit.all.isVisible()
