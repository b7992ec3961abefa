"""What the window remembers, and what it never does."""

from pathlib import Path

from pytestqt.qtbot import QtBot

from app.application import Application, build
from app.preferences import RECENT_LIMIT, Preferences
from core.memory.cards import CARDS


def test_they_survive_a_restart(home: Path, qtbot: QtBot) -> None:
    first = Preferences()
    first.theme = "dark"
    first.text_scale = 1.25
    first.reduce_motion = True
    first.card = CARDS[3].name
    first.set_strip_open("model", False)
    for number in range(RECENT_LIMIT + 3):
        first.remember_model(f"/models/{number}")
    first.remember_model("/models/9")
    first.save()
    second = Preferences()
    assert (second.theme, second.text_scale, second.reduce_motion) == ("dark", 1.25, True)
    assert second.card == CARDS[3].name
    assert not second.strip_open("model", default=True)
    assert second.strip_open("data", default=True)
    assert second.recent_models[0] == "/models/9"
    assert len(second.recent_models) == len(set(second.recent_models)) == RECENT_LIMIT
    assert (home / "config" / "window.ini").is_file()


def test_a_spoilt_file_gives_the_defaults(home: Path) -> None:
    file = home / "config" / "window.ini"
    file.parent.mkdir(parents=True)
    file.write_text("[look]\ntheme=purple\ntext_scale=huge\n[window]\ngeometry=3\n")
    preferences = Preferences()
    assert preferences.theme == "system"
    assert preferences.text_scale == 1.0
    assert preferences.geometry is None


def test_no_training_setting_is_kept(application: Application, home: Path) -> None:
    application.session.change({"adapter.rank": 77})
    application.preferences.save()
    file = home / "config" / "window.ini"
    assert not file.is_file() or "77" not in file.read_text()


def test_the_planned_card_is_planned_for_again(home: Path, qtbot: QtBot, no_leaks: None) -> None:
    preferences = Preferences()
    preferences.card = CARDS[5].name
    preferences.save()
    application = build(["rankscope"])
    assert application.session.device == CARDS[5]
    application.close()


def test_text_size_reaches_labels_and_stylesheet(application: Application) -> None:
    from app.widgets.text import label

    shown = label("text", "body")
    application.theme.set_text_scale(1.5)
    assert label("text", "body").font().pixelSize() == 20
    assert "font-size: 18px" in application.qapp.styleSheet()
    assert shown.font().pixelSize() == 20
    application.theme.set_text_scale(1.0)
    assert shown.font().pixelSize() == 13


def test_the_computer_is_kept_awake_only_with_consent(application: Application) -> None:
    window = application.window
    window.go("settings")
    window.current.build()
    assert not application.preferences.keep_awake
    window.current.awake.click()  # type: ignore[attr-defined]
    assert application.preferences.keep_awake
    application.preferences.save()
    assert Preferences().keep_awake


def test_settings_page_changes_the_theme(application: Application, qtbot: QtBot) -> None:
    window = application.window
    window.go("settings")
    window.current.build()
    page = window.current
    page.theme_choice.set_value("dark")  # type: ignore[attr-defined]
    assert application.theme.tokens.dark
    assert application.preferences.theme == "dark"
    page.theme_choice.set_value("light")  # type: ignore[attr-defined]
    assert not application.theme.tokens.dark
    page.still.set_value(True)  # type: ignore[attr-defined]
    assert application.theme.still
    application.theme.set_still(False)
