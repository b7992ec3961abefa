"""The form of the Train page: names for people, and what has an effect."""

import typing

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.pages.base import PageContext
from app.pages.train_settings import CHOICES, CheckpointingField, TrainSettings
from app.session import Session
from app.setting_field import setting_field
from app.why import SETTINGS
from app.widgets.fields import ComboBox, FormRow
from core.settings import TrainingSettings


@pytest.fixture
def session(context: PageContext) -> Session:
    return context.session


@pytest.fixture
def form(qtbot: QtBot, context: PageContext) -> TrainSettings:
    made = TrainSettings(context.session, context.theme)
    qtbot.addWidget(made)
    made.show()
    return made


def field(form: TrainSettings, key: str) -> QWidget:
    return typing.cast(QWidget, form.findChild(QWidget, f"field_{key}"))


@pytest.mark.parametrize("key", CHOICES)
def test_every_choice_has_a_name_for_people(key: str) -> None:
    assert tuple(value for value, _ in CHOICES[key]) == setting_field(key).options


def test_every_training_setting_is_shown_and_explained(form: TrainSettings) -> None:
    shown = {row.key for row in form.findChildren(FormRow)}
    assert {f"training.{name}" for name in TrainingSettings.model_fields} <= shown
    assert shown <= SETTINGS.keys()


def test_choosing_an_optimizer_changes_the_run(form: TrainSettings, session: Session) -> None:
    box = field(form, "training.optimizer")
    assert isinstance(box, ComboBox)
    box.setCurrentText("AdamW 8-bit, paged")
    assert session.settings.training.optimizer == "paged_adamw8bit"
    session.change({"training.optimizer": "lion"})
    assert box.currentText() == "Lion"


def test_the_decay_share_counts_only_for_wsd(form: TrainSettings, session: Session) -> None:
    share = field(form, "training.decay_share")
    assert not share.isEnabled()
    assert "WSD" in share.toolTip()
    session.change({"training.schedule": "wsd"})
    assert share.isEnabled()
    assert share.toolTip() == ""
    session.change({"training.schedule": "linear"})
    assert not share.isEnabled()


def test_what_has_no_effect_is_grey_and_says_why(form: TrainSettings, session: Session) -> None:
    products, stopping = (
        field(form, f"training.{n}") for n in ("adapter_products", "early_stopping")
    )
    assert products.isEnabled()
    session.change({"adapter.method": "dora"})
    assert not products.isEnabled()
    assert "DoRA" in products.toolTip()
    session.change({"adapter.method": "lora", "data.held_out": 0.0})
    assert products.isEnabled()
    assert not stopping.isEnabled()


def test_a_number_of_checkpointed_blocks_shows_as_one(
    form: TrainSettings, session: Session
) -> None:
    choice = field(form, "training.gradient_checkpointing")
    assert isinstance(choice, CheckpointingField)
    assert visible_segments(choice) == ["Off", "Auto", "All"]
    session.change({"training.gradient_checkpointing": 12})
    assert visible_segments(choice) == ["Off", "Auto", "All", "12"]
    assert choice.value == 12
    segment(choice, "Auto").click()
    assert session.settings.training.gradient_checkpointing == "auto"
    segment(choice, "12").click()  # it stays on offer
    assert session.settings.training.gradient_checkpointing == 12
    session.change({"training.gradient_checkpointing": "all"})
    assert visible_segments(choice) == ["Off", "Auto", "All"]


def segment(choice: CheckpointingField, text: str) -> QAbstractButton:
    return next(b for b in choice.findChildren(QAbstractButton) if b.text() == text)


def visible_segments(choice: CheckpointingField) -> list[str]:
    buttons = choice.findChildren(QAbstractButton)
    return [button.text() for button in buttons if not button.isHidden()]


def test_a_ratio_below_one_is_refused_in_place(form: TrainSettings, session: Session) -> None:
    ratio = field(form, "training.lora_plus")
    row = next(row for row in form.findChildren(FormRow) if row.field is ratio)
    ratio.setText("0.5")  # type: ignore[attr-defined]
    ratio.editingFinished.emit()  # type: ignore[attr-defined]
    assert "1 to 64" in row.error
    assert session.settings.training.lora_plus == 1.0


@pytest.mark.parametrize("tight", [False, True])
def test_no_card_covers_another(form: TrainSettings, tight: bool) -> None:
    form.resize(1032, 700)
    form.set_tight(tight)
    QApplication.processEvents()
    areas = [card.geometry() for card in form._cards]
    for i, area in enumerate(areas):
        assert not any(area.intersects(other) for other in areas[i + 1 :])
