"""The one door to the user: errors, news of finished work, and what nobody foresaw."""

import logging
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from app.setting_words import in_window_words
from app.training_thread import catch_thread_errors
from core.errors import UserError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Message:
    """Something to tell the user.

    Attributes:
        level: "error", "info" or "toast" (goes away by itself).
        details: For the folded part, with a button to copy it.
        action: Label of a button, with what it does in `on_action`.
    """

    level: str
    text: str
    hint: str = ""
    details: str = ""
    action: str = ""
    on_action: Callable[[], None] | None = None


class Display(Protocol):
    """What shows messages: the window."""

    def show_message(self, message: Message) -> None:
        """Show it where the user looks."""


class Messages(QObject):
    """Takes messages from any thread and shows them in the GUI thread.

    What comes before there is a display is kept for it.
    """

    _posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._display: Display | None = None
        self._early: list[Message] = []
        self._posted.connect(self._show)

    def set_display(self, display: Display) -> None:
        """Show messages there from now on, those first that came early."""
        self._display = display
        early, self._early = self._early, []
        for message in early:
            display.show_message(message)

    def error(self, error: Exception) -> None:
        """Tell of something that went wrong and has no place of its own."""
        if isinstance(error, UserError):
            error = in_window_words(error)
            message = Message(
                level="error", text=error.message, hint=error.hint, details=error.details
            )
        else:
            message = Message(
                level="error",
                text=f"Something went wrong in the window: {error or type(error).__name__}",
                hint="A run that is going on is not affected. The details help to find the cause.",
                details="".join(traceback.format_exception(error)),
            )
        self._posted.emit(message)

    def info(self, text: str, hint: str = "") -> None:
        """Tell something that stays until it is closed."""
        self._posted.emit(Message(level="info", text=text, hint=hint))

    def toast(
        self, text: str, action: str = "", on_action: Callable[[], None] | None = None
    ) -> None:
        """Tell of work that is done, for six seconds, perhaps with one action such as Undo."""
        self._posted.emit(Message(level="toast", text=text, action=action, on_action=on_action))

    def install_hooks(self) -> Callable[[], None]:
        """Catch what nobody foresaw, in this and in other threads; return what undoes it."""
        before = sys.excepthook

        def on_error(
            kind: type[BaseException], error: BaseException, trace: TracebackType | None
        ) -> None:
            if not isinstance(error, Exception):
                before(kind, error, trace)
                return
            logger.error("unexpected", exc_info=(kind, error, trace))
            self.error(error)

        sys.excepthook = on_error
        leave_threads = catch_thread_errors(on_error)

        def uninstall() -> None:
            sys.excepthook = before
            leave_threads()

        return uninstall

    def _show(self, message: Message) -> None:
        if self._display is None:
            self._early.append(message)
        else:
            self._display.show_message(message)
