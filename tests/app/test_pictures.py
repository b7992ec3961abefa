"""Every page, light and dark, at the sizes that count, as pictures in build/pictures.

They are for looking at; the test itself only finds what is clipped or squeezed to nothing.
"""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.application import Application
from app.style.theme import Choice
from app.widgets.text import ElidedLabel

PICTURES = Path(__file__).parents[2] / "build" / "pictures"


@pytest.mark.parametrize("size", [(1280, 800), (1024, 640)], ids=["large", "small"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures(shown: Application, qtbot: QtBot, theme: Choice, size: tuple[int, int]) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    window = shown.window
    shown.theme.choose(theme)
    window.resize(*size)
    QApplication.processEvents()
    for name in window.page_names():
        window.go(name)
        qtbot.wait(30)
        assert (window.width(), window.height()) == size
        picture = window.grab()
        assert picture.save(str(PICTURES / f"{name}-{theme}-{size[0]}x{size[1]}.png"))
        assert not clipped(shown), name
    shown.theme.choose("light")


def clipped(application: Application) -> list[str]:
    """Return the buttons and one-line labels that do not get the width of their text."""
    found = []
    for button in application.window.findChildren(QPushButton):
        if button.isVisible() and button.text() and button.width() < button.sizeHint().width() - 2:
            found.append(f"button {button.text()}")
    for label in application.window.findChildren(QLabel):
        may_be_narrow = isinstance(label, ElidedLabel) or label.wordWrap() or not label.text()
        narrow = label.width() < label.sizeHint().width() - 2
        if label.isVisible() and narrow and not may_be_narrow:
            found.append(f"label {label.text()}")
    return found


def test_a_long_name_and_large_numbers_keep_the_frame(shown: Application, qtbot: QtBot) -> None:
    window = shown.window
    shown.session.change({"name": "x" * 80, "training.steps": 10_000_000})
    for width, height in ((1280, 800), (1024, 640)):
        window.resize(width, height)
        qtbot.wait(60)
        assert window.width() == width
        assert window.run_bar.stop_menu.geometry().right() < width
    window.grab().save(str(PICTURES / "long-name.png"))


def test_large_text_keeps_the_frame(shown: Application, qtbot: QtBot) -> None:
    window = shown.window
    shown.theme.set_text_scale(1.5)
    qtbot.wait(60)
    for name in window.page_names():
        window.go(name)
        qtbot.wait(60)
        assert window.width() == 1280, name
        window.grab().save(str(PICTURES / f"{name}-text-150.png"))
    shown.theme.set_text_scale(1.0)
