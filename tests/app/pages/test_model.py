"""Model page: choosing, searching, preparing, and what a broken model says."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.amounts import gib
from app.pages.base import PageContext
from app.pages.model import ModelPage
from app.pages.model_delegate import badge_words, columns
from app.pages.model_details import parameter_parts
from app.pages.model_entries import Badge, Entry, judged
from core.events import Progress, Reply, RunEnded
from core.memory.devices import Device
from core.memory.workload import Known
from core.models.info import BrokenModel, ModelInfo
from core.models.json import to_json
from tests.app.pages.conftest import take_model


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    folder = tmp_path / "broken-model"
    folder.mkdir()
    (folder / "config.json").write_text("{")
    return folder


@pytest.fixture
def page(qtbot: QtBot, context: PageContext, tiny_model: Path, broken: Path) -> ModelPage:
    context.preferences.remember_model(str(broken))
    context.preferences.remember_model(str(tiny_model))
    context.session.read_model()
    made = ModelPage(context)
    qtbot.addWidget(made)
    made.resize(1080, 624)
    made.show()
    qtbot.waitUntil(lambda: len(made.entries.all) >= 3)
    return made


def click(page: ModelPage, qtbot: QtBot, source: str) -> None:
    row = page.entries.row_of(source)
    rect = page.list.visualRect(page.entries.index(row))
    qtbot.mouseClick(page.list.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())


def test_a_click_chooses_and_shows_what_is_inside(
    page: ModelPage, qtbot: QtBot, tiny_model: Path
) -> None:
    click(page, qtbot, str(tiny_model))
    assert page.context.session.settings.model.source == str(tiny_model)
    assert page.context.session.model.architecture.layers == 2
    assert page.details.facts.value("Layers · hidden size") == "2 · 32"
    assert page.subtitle() == tiny_model.name
    assert page.mark() == "ok"
    assert not page.prepare.isVisible()


def test_a_broken_model_is_said_in_place_and_changes_nothing(
    page: ModelPage, qtbot: QtBot, broken: Path
) -> None:
    before = page.context.session.settings
    click(page, qtbot, str(broken))
    assert page.context.session.settings == before
    assert page.banner.isVisible()
    assert "broken-model" in page.banner.text


def test_a_path_that_leads_nowhere(page: ModelPage) -> None:
    page.choose("/nowhere/at/all")
    assert page.banner.isVisible()
    assert page.context.session.settings.model.source == "starter"


def test_a_hub_id_is_asked_for(page: ModelPage, qtbot: QtBot) -> None:
    qtbot.keyClicks(page.search, "some-org/some-model")
    qtbot.keyClick(page.search, Qt.Key.Key_Return)
    assert page.context.session.settings.model.source == "some-org/some-model"
    task = page.context.assistant.data.last("describe_model")
    task.say(RunEnded(outcome="failed", message="The hub does not answer.", hint="Go online."))
    assert "The hub does not answer." in page.details.problem.text()
    assert page.mark() == "error"


def test_a_family_that_only_transformers_knows_is_built_in_the_worker(
    page: ModelPage, tmp_path: Path, small_model: ModelInfo
) -> None:
    folder = tmp_path / "helium"
    folder.mkdir()
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 99}
    (folder / "config.json").write_text(json.dumps({"model_type": "helium", **sizes}))
    page.choose(str(folder))
    assert page.context.session.settings.model.source == str(folder)
    assert "Building an outline" in page.details.problem.text()
    task = page.context.assistant.data.last("describe_model")
    task.say(Reply(data=to_json(small_model)))
    assert page.context.session.model == small_model
    assert page.mark() == "ok"


def test_search_and_filters(page: ModelPage, qtbot: QtBot, tiny_model: Path) -> None:
    qtbot.keyClicks(page.search, tiny_model.name[:6])
    assert [entry.source for entry in page.entries.shown] == [str(tiny_model)]
    page.search.clear()
    qtbot.keyClicks(page.search, "no such thing")
    assert page.nothing.isVisible()


def badges(page: ModelPage, source: str) -> tuple[Badge, ...]:
    return next(entry.badges for entry in page.entries.all if entry.source == source)


def test_badges_arrive_without_blocking(page: ModelPage, qtbot: QtBot, tiny_model: Path) -> None:
    qtbot.waitUntil(lambda: len(badges(page, str(tiny_model))) == 2)
    lora, qlora = badges(page, str(tiny_model))
    assert (lora.answer, qlora.answer) == ("fits", "fits")
    assert lora.words.startswith("LoRA 16-bit fits, ")
    assert qlora.words.startswith("QLoRA 4-bit DQ fits, ")
    assert "GiB on This computer (CPU)" in lora.words


def test_a_badge_tells_its_numbers(page: ModelPage, qtbot: QtBot, tiny_model: Path) -> None:
    qtbot.waitUntil(lambda: len(badges(page, str(tiny_model))) == 2)
    entry = next(e for e in page.entries.all if e.source == str(tiny_model))
    width = page.list.viewport().width()
    place = columns(width)
    assert badge_words(entry, place.lora[0] + 5, width) == entry.badges[0].words
    assert badge_words(entry, place.qlora[0] + 5, width) == entry.badges[1].words
    assert badge_words(entry, place.name[0] + 5, width) == ""
    row = page.entries.index(page.entries.row_of(str(tiny_model)))
    spoken = row.data(Qt.ItemDataRole.AccessibleTextRole)
    assert all(badge.words in spoken for badge in entry.badges)


def test_badges_follow_device_and_settings(page: ModelPage, qtbot: QtBot, tiny_model: Path) -> None:
    source = str(tiny_model)
    qtbot.waitUntil(lambda: len(badges(page, source)) == 2)
    page.context.session.choose_device(Device("Tiny card", 2**26, 2**26, "card"))
    qtbot.waitUntil(lambda: badges(page, source)[0].answer == "does not fit")
    assert "on Tiny card" in badges(page, source)[0].words
    page.hide()
    page.context.session.choose_device(Device("Large card", 2**36, 2**36, "card"))
    qtbot.wait(20)
    assert "Tiny card" in badges(page, source)[0].words
    page.show()
    qtbot.waitUntil(lambda: badges(page, source)[0].answer == "fits")


def test_the_badge_of_the_chosen_model_says_what_the_strip_says(
    page: ModelPage, qtbot: QtBot, tiny_model: Path
) -> None:
    click(page, qtbot, str(tiny_model))
    session = page.context.session
    session._lengths = ([40] * 64, [20] * 64)
    session.change({"data.max_length": 512})
    assert session.plan is not None

    def same() -> bool:
        return f"{gib(session.plan.peak_bytes)} GiB (" in badges(page, str(tiny_model))[0].words

    qtbot.waitUntil(same)


def test_targets_of_another_model_are_told(small_model: ModelInfo, context: PageContext) -> None:
    settings = context.session.settings.with_changes({"adapter.targets": ("c_attn",)})
    made = judged(Entry(small_model, False), settings, context.session.device, Known())
    assert len(made.badges) == 2
    assert "yours are of another model" in made.badges[0].words


def test_a_model_that_the_hub_describes_gets_its_row(
    page: ModelPage, qtbot: QtBot, small_model: ModelInfo
) -> None:
    source = "some-org/some-model"
    page.choose(source)
    untold = (BrokenModel, source)
    qtbot.waitUntil(lambda: untold in [(type(e.model), e.source) for e in page.entries.all])
    described = replace(small_model, source=source, name=source, kind="hub", path="")
    task = page.context.assistant.data.last("describe_model")
    task.say(Reply(data=to_json(described)))
    assert page.context.session.model == described
    qtbot.waitUntil(lambda: len(badges(page, source)) == 2)
    assert page.prepare.isVisible()


def test_prepare_now(page: ModelPage, qtbot: QtBot) -> None:
    if page.context.session.model is None:
        pytest.skip("the starter model is not installed")
    assert page.prepare.isVisible()
    qtbot.mouseClick(page.prepare.start_button, Qt.MouseButton.LeftButton)
    task = page.context.assistant.data.last("prepare_model")
    assert task.request == {"source": "starter"}
    task.say(Progress(phase="loading", message="Converting, once", share=0.5))
    assert page.prepare.bar.value() == 500
    assert page.prepare.words.text() == "Converting, once"
    qtbot.mouseClick(page.prepare.cancel_button, Qt.MouseButton.LeftButton)
    assert task.cancelled
    assert page.prepare.start_button.isVisible()


def test_shares_add_up(small_model: ModelInfo, context: PageContext) -> None:
    take_model(context, small_model)
    parts = parameter_parts(small_model)
    assert sum(parts.values()) == small_model.parameters
    assert parts["Embeddings"] == 64000
    assert parts["Attention"] == 4 * (2 * 64 * 64 + 2 * 32 * 64)
