"""Form rows: two ways, and a wrong value stays where it was typed."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.application import Application
from app.setting_field import setting_field
from app.why import SETTINGS
from app.widgets.fields import FormRow, NumberField, Segmented, form_row
from app.widgets.number_field import number_of, number_text
from app.widgets.several import Several
from core.adapters import ADAPTERS
from core.settings import setting_keys


@pytest.fixture
def row(application: Application, qtbot: QtBot) -> FormRow:
    made = form_row(application.session, "training.micro_batch", theme=application.theme)
    qtbot.addWidget(made)
    made.show()
    return made


def field(row: FormRow) -> NumberField:
    assert isinstance(row.field, NumberField)
    return row.field


def test_every_setting_is_explained_and_can_be_edited(
    application: Application, qtbot: QtBot
) -> None:
    keys = [key for key in setting_keys() if key not in ("adapter.method", "adapter.targets")]
    for key in keys:
        assert key in SETTINGS, key
        made = form_row(application.session, key, theme=application.theme)
        qtbot.addWidget(made)
        assert made.field.accessibleName()
        assert made.error == ""
    assert {"adapter.method", "adapter.targets"} <= set(SETTINGS)
    assert set(SETTINGS) <= set(setting_keys())


def test_it_follows_the_session_and_changes_it(
    application: Application, row: FormRow, qtbot: QtBot
) -> None:
    application.session.change({"training.micro_batch": 4})
    assert field(row).text() == "4"
    field(row).selectAll()
    qtbot.keyClicks(field(row), "12")
    assert application.session.settings.training.micro_batch == 12
    qtbot.keyClick(field(row), Qt.Key.Key_Up)
    assert application.session.settings.training.micro_batch == 13


def test_a_wrong_value_stays_with_a_message_and_a_way_out(
    application: Application, row: FormRow, qtbot: QtBot
) -> None:
    before = application.session.settings.training.micro_batch
    field(row).selectAll()
    qtbot.keyClicks(field(row), "99999")
    qtbot.keyClick(field(row), Qt.Key.Key_Return)
    assert field(row).text() == "99999"
    assert "4,096" in row.error
    assert field(row).property("invalid") == "true"
    assert application.session.settings.training.micro_batch == before
    assert not application.session.can_undo
    row._mend.click()
    assert application.session.settings.training.micro_batch == 4096
    assert row.error == ""
    assert field(row).property("invalid") == "false"


def test_a_wrong_value_outlives_other_changes_and_keeps_training_from_starting(
    application: Application, row: FormRow, qtbot: QtBot
) -> None:
    session, launch = application.session, application.launch
    field(row).selectAll()
    qtbot.keyClicks(field(row), "0")
    qtbot.keyClick(field(row), Qt.Key.Key_Return)
    session.change({"training.steps": 7})
    assert field(row).text() == "0"
    assert row.error
    qtbot.waitUntil(lambda: any("Micro-batch" in result.message for result in launch.blocks))
    assert not launch.enabled
    session.change({"training.micro_batch": 3})
    assert (field(row).text(), row.error) == ("3", "")
    qtbot.waitUntil(lambda: not any("Micro-batch" in result.message for result in launch.blocks))


def test_trackers_are_ticked_and_those_that_are_missing_only_taken_back(
    application: Application, qtbot: QtBot
) -> None:
    session = application.session
    field = Several([("a", "A & B"), ("tensorboard", "TensorBoard"), ("wandb", "W&B")])
    field.set_unavailable("wandb", "Not installed. To have it: pip install wandb")
    made = form_row(session, "tracking.trackers", field, theme=application.theme)
    qtbot.addWidget(made)
    made.show()
    assert field.boxes["a"].accessibleName() == "A & B"
    qtbot.mouseClick(field.boxes["tensorboard"], Qt.MouseButton.LeftButton)
    assert session.settings.tracking.trackers == ("tensorboard",)
    assert not field.boxes["wandb"].isEnabled()
    assert "pip install wandb" in field.boxes["wandb"].toolTip()
    session.change({"tracking.trackers": ["wandb"]})
    assert field.value == ("wandb",)
    field.boxes["wandb"].click()
    assert session.settings.tracking.trackers == ()
    assert not field.boxes["wandb"].isEnabled()


def test_words_in_a_number_field(application: Application, row: FormRow, qtbot: QtBot) -> None:
    field(row).selectAll()
    qtbot.keyClicks(field(row), "many")
    qtbot.keyClick(field(row), Qt.Key.Key_Return)
    assert field(row).text() == "many"
    assert "many" in row.error


def test_why_opens_and_esc_closes(row: FormRow, qtbot: QtBot) -> None:
    why = row.findChild(QWidget, "why")
    assert why is not None
    assert not row.panel.isVisible()
    qtbot.mouseClick(why, Qt.MouseButton.LeftButton)
    assert row.panel.isVisible()
    qtbot.keyClick(row.panel, Qt.Key.Key_Escape)
    assert not row.panel.isVisible()


def test_arrows_move_a_segmented_choice(application: Application, qtbot: QtBot) -> None:
    choice = Segmented([(16, "16"), (8, "8"), (4, "4")], theme=application.theme, name="Bits")
    qtbot.addWidget(choice)
    choice.show()
    first = choice._buttons[0]
    with qtbot.waitSignal(choice.changed) as changed:
        qtbot.keyClick(first, Qt.Key.Key_Right)
    assert changed.args == [8]
    assert choice.value == 8
    qtbot.keyClick(first, Qt.Key.Key_Left)
    assert choice.value == 16


@pytest.mark.parametrize(
    ("key", "given", "nearest"),
    [
        ("adapter.rank", 0, 1),
        ("adapter.rank", 5000, 1024),
        ("adapter.dropout", 1.0, 0.99),
        ("adapter.alpha", -3, 0.01),
        ("training.steps", "x", 60),
        ("training.learning_rate", float("nan"), 5e-4),
        ("data.max_length", 9.6, 10),
    ],
)
def test_the_nearest_valid_value(key: str, given: object, nearest: float) -> None:
    field = setting_field(key)
    assert field.nearest(given) == pytest.approx(nearest)


@pytest.mark.parametrize(
    ("key", "given", "suggested"),
    [
        ("training.learning_rate", -1, 5e-4),
        ("training.learning_rate", 7, 1),
        ("adapter.rank", 0, 1),
    ],
)
def test_no_wrong_value_is_answered_by_a_useless_one(
    key: str, given: float, suggested: float
) -> None:
    assert setting_field(key).suggested(given) == suggested


def test_every_method_has_its_fields() -> None:
    for method in ADAPTERS:
        for key in ADAPTERS[method].Settings.model_fields:
            assert setting_field(f"adapter.{key}", method).title


def test_numbers_as_people_write_them() -> None:
    assert [number_text(v) for v in (5e-4, 0.05, 32.0, 2e-5, 7)] == [
        "0.0005",
        "0.05",
        "32",
        "2e-5",
        "7",
    ]


@pytest.mark.parametrize(
    ("text", "whole", "meant"),
    [
        ("12", True, 12),
        ("1,024", True, 1024),
        ("-1,024,000", True, -1_024_000),
        ("1e3", True, 1000),
        ("12,5", True, "12,5"),
        ("8.5", True, "8.5"),
        ("inf", True, "inf"),
        ("12,5", False, 12.5),
        ("0,001", False, 0.001),
        ("5e-4", False, 5e-4),
        ("1,024", False, "1,024"),
        ("1.2.3", False, "1.2.3"),
    ],
)
def test_numbers_as_people_mean_them(text: str, whole: bool, meant: object) -> None:
    assert number_of(text, whole=whole) == meant


@pytest.mark.parametrize("typed", ["8.5", "12,5", "1e9", "3x"])
def test_the_valid_beginning_of_a_wrong_number_is_not_kept(
    typed: str, application: Application, row: FormRow, qtbot: QtBot
) -> None:
    application.session.change({"training.micro_batch": 5})
    field(row).selectAll()
    qtbot.keyClicks(field(row), typed)
    qtbot.keyClick(field(row), Qt.Key.Key_Return)
    assert (field(row).text(), bool(row.error)) == (typed, True)
    assert application.session.settings.training.micro_batch == 5
    application.session.undo()
    assert application.session.settings.training.micro_batch != 5
