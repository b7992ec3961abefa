"""What every page is, and what it is given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.assistant import Assistant
from app.exact_plans import ExactPlans
from app.launch import Launch
from app.messages import Messages
from app.preferences import Preferences
from app.run_controller import RunController
from app.session import Session
from app.style.theme import Theme
from app.widgets.text import ElidedLabel, label

NARROW = 1100
"""Width of a page, in pixels, below which it uses the margins of a small window."""


@dataclass(frozen=True)
class PageContext:
    """What a page may use; `go` shows another page by name."""

    theme: Theme
    session: Session
    run: RunController
    exact: ExactPlans
    launch: Launch
    assistant: Assistant
    messages: Messages
    preferences: Preferences
    go: Callable[[str], None]


class Page(QWidget):
    """A page: title row, then a body that scrolls by itself when it must.

    Subclasses fill `body`, either in `__init__` or, where that costs, in `build`, which is called
    once before the page is first shown.

    Attributes:
        name: Key of the page: "model", "data", …
        title: Its title; `sentence` says in a few words what it is about.
        icon: Lucide name.
        strip_open: Whether the memory strip is open here unless the user folded it.
        step: Whether it is a step on the way (rail, upper part), else "library" or "foot".

    Signals:
        rail_changed: `subtitle()` or `mark()` changed.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    sentence: ClassVar[str]
    icon: ClassVar[str]
    strip_open: ClassVar[bool] = False
    place: ClassVar[str] = "step"
    rail_changed = Signal()

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.context = context
        self.setObjectName(f"page_{self.name}")
        self.setProperty("ground", "window")
        self.setAccessibleName(self.title)
        self._built = False
        self.sentence_label = ElidedLabel(self.sentence, "body", "muted", sentence=True)
        self._actions = QHBoxLayout()
        self._actions.setSpacing(8)
        self._head = head = QHBoxLayout()
        head.setSpacing(12)
        title = label(self.title, "title")
        title.setMinimumHeight(32)
        head.addWidget(title)
        head.addWidget(self.sentence_label, 1)
        head.addLayout(self._actions)
        self._inner = QWidget()
        self.body = QVBoxLayout(self._inner)
        self.body.setSpacing(12)
        self.scroll_area = QScrollArea()
        self.scroll_area.setWidgetResizable(True)
        self.scroll_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.scroll_area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroll_area.setWidget(self._inner)
        self._outer = QVBoxLayout(self)
        self._outer.setSpacing(0)
        self._outer.addLayout(head)
        self._outer.addWidget(self.scroll_area, 1)
        self._set_margins(narrow=False)

    def add_action(self, widget: QWidget) -> None:
        """Add a button right of the title (`actions()` is taken by QWidget)."""
        self._actions.addWidget(widget)

    def build(self) -> None:
        """Make what is too dear for `__init__`; called once, before the page is first shown."""

    def subtitle(self) -> str:
        """One line under the page's name in the rail: what was chosen."""
        return ""

    def mark(self) -> str:
        """The mark in the rail: "", "ok", "warn", "error" or "running"."""
        return ""

    def showEvent(self, event: QShowEvent) -> None:
        """Build before the first show."""
        if not self._built:
            self._built = True
            self.build()
        super().showEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take the small margins in a small window."""
        self._set_margins(narrow=self.width() < NARROW - 100)
        super().resizeEvent(event)

    def _set_margins(self, *, narrow: bool) -> None:
        side, top = (16, 12) if narrow else (24, 16)
        self._outer.setContentsMargins(0, top, 0, 0)
        self._head.setContentsMargins(side, 0, side, 12)
        self.body.setContentsMargins(side, 0, side, top)
