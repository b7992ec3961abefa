"""The one door to the user."""

import sys
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.application import Application
from app.messages import Message, Messages
from core.errors import UserError


class Display:
    def __init__(self) -> None:
        self.shown: list[Message] = []

    def show_message(self, message: Message) -> None:
        self.shown.append(message)


@pytest.fixture
def messages() -> Iterator[Messages]:
    made = Messages()
    uninstall = made.install_hooks()
    yield made
    uninstall()


def test_what_comes_early_waits_for_a_display(messages: Messages, qtbot: QtBot) -> None:
    messages.error(UserError("The disk is full.", "Free some space."))
    messages.toast("Checkpoint saved")
    display = Display()
    messages.set_display(display)
    assert [message.text for message in display.shown] == ["The disk is full.", "Checkpoint saved"]
    assert display.shown[0].hint == "Free some space."


def test_the_unforeseen_arrives_with_details(messages: Messages, qtbot: QtBot) -> None:
    display = Display()
    messages.set_display(display)
    try:
        raise ZeroDivisionError("ouch")
    except ZeroDivisionError:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    assert "ouch" in display.shown[0].text
    assert "Traceback" in display.shown[0].details


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_errors_of_other_threads_arrive_in_the_gui_thread(messages: Messages, qtbot: QtBot) -> None:
    display = Display()
    messages.set_display(display)

    def fail() -> None:
        raise ValueError("from afar")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert not display.shown
    qtbot.waitUntil(lambda: bool(display.shown), timeout=2000)
    assert "from afar" in display.shown[0].text


def test_ctrl_c_is_not_an_error(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    passed_on: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, *_: passed_on.append(kind))
    messages, display = Messages(), Display()
    messages.set_display(display)
    uninstall = messages.install_hooks()
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    uninstall()
    assert passed_on == [KeyboardInterrupt]
    assert not display.shown


def test_hooks_are_taken_back() -> None:
    before = sys.excepthook, threading.excepthook
    Messages().install_hooks()()
    assert (sys.excepthook, threading.excepthook) == before


def test_the_window_shows_folds_and_copies(shown: Application) -> None:
    area = shown.window.messages
    shown.messages.error(UserError("It broke.", "Mend it.", details="line 1\nline 2"))
    assert area.isVisible()
    assert area.text.text() == "It broke."
    assert not area.details.isVisible()
    area._more.click()
    assert area.details.toPlainText() == "line 1\nline 2"
    area._copy.click()
    assert QGuiApplication.clipboard().text() == "It broke.\nMend it.\nline 1\nline 2"


def test_a_toast_offers_its_action_once(shown: Application) -> None:
    done = []
    shown.messages.toast("Run deleted", "Undo", lambda: done.append(1))
    toast = shown.window.toast
    assert toast.isVisible()
    assert toast.geometry().bottom() < shown.window.strip.geometry().top()
    toast._action.click()
    assert done == [1]
    assert not toast.isVisible()
