"""The frame: run bar above, rail left, one page, memory strip below."""

from PySide6.QtCore import QByteArray, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QPaintEvent, QResizeEvent, QShortcut
from PySide6.QtWidgets import QApplication, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.closing import ask_about_live_run
from app.launch import Launch
from app.messages import Message
from app.pages.base import Page, PageContext
from app.pages.memory import MemoryPage
from app.style.theme import scaled
from app.widgets.memory_strip import MemoryStrip
from app.widgets.message_area import MessageArea, Toast
from app.widgets.rail import Rail
from app.widgets.run_bar import RunBar

SMALL_WIDTH = 1100
"""Below this width, in pixels at 100 % text size, the frame takes its small form."""


class MainWindow(QWidget):
    """Frame and navigation; everything else is in the pages and the widgets.

    Signals:
        painted: The first frame has been painted. GUI thread.
        left: The window closes; True where a live run goes on without it.
    """

    painted = Signal()
    left = Signal(bool)

    def __init__(self, context: PageContext, launch: Launch, pages: list[Page]) -> None:
        super().__init__()
        self.context, self.launch = context, launch
        self.setWindowTitle("Rankscope")
        self.setProperty("ground", "window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumSize(760, 480)
        self._pages = {page.name: page for page in pages}
        self._painted = False
        self._narrow: bool | None = None
        self._previous: list[str] = []
        theme, session, run = context.theme, context.session, context.run
        self.run_bar = RunBar(theme, session, run, launch)
        self.rail = Rail(pages, theme)
        self.strip = MemoryStrip(theme, session, run, context.preferences)
        self.messages = MessageArea(theme)
        self.stack = QStackedWidget()
        for page in pages:
            self.stack.addWidget(page)
        self._lay_out()
        self.toast = Toast(self, theme)
        self._connect()
        self._add_shortcuts()
        self.resize(1280, 800)
        self._restore_geometry()

    # -- navigation -------------------------------------------------------------------------

    def page_names(self) -> list[str]:
        """Return the names of the pages, in the order of the rail."""
        return list(self._pages)

    def page(self, name: str) -> Page:
        """Return the page called `name`."""
        return self._pages[name]

    @property
    def current(self) -> Page:
        """The page that is shown."""
        page = self.stack.currentWidget()
        assert isinstance(page, Page)
        return page

    def go(self, name: str) -> None:
        """Show the page called `name`; one that does not exist is ignored."""
        page = self._pages.get(name)
        if page is None:
            return
        self.stack.setCurrentWidget(page)
        self.rail.show_current(name)
        self._show_strip()

    # -- messages ---------------------------------------------------------------------------

    def show_message(self, message: Message) -> None:
        """Show a message: a toast lower right, anything else under the run bar."""
        if message.level == "toast":
            self.toast.show_message(message, above=self.strip.height())
        else:
            self.messages.show_message(message)

    # -- memory strip -----------------------------------------------------------------------

    def fold_strip(self, opened: bool | None = None) -> None:
        """Open or fold the memory strip (without an argument: the other way), and remember it."""
        opened = not self.strip.is_open if opened is None else opened
        self.context.preferences.set_strip_open(self._strip_key(), opened)
        self.strip.set_open(opened)

    def make_it_fit(self) -> None:
        """Change the run so that it fits, and show what was changed."""
        self.go(MemoryPage.name)
        page = self._pages[MemoryPage.name]
        assert isinstance(page, MemoryPage)
        page.make_it_fit()

    def _show_strip(self) -> None:
        default = self.current.strip_open and not self._narrow
        kept = self.context.preferences.strip_open(self._strip_key(), default=default)
        self.strip.set_open(kept)

    def _strip_key(self) -> str:
        return f"{self.current.name}{'-small' if self._narrow else ''}"

    # -- making it --------------------------------------------------------------------------

    def _lay_out(self) -> None:
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self.messages)
        right.addWidget(self.stack, 1)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.rail)
        middle.addLayout(right, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.run_bar)
        layout.addLayout(middle, 1)
        layout.addWidget(self.strip)

    def _connect(self) -> None:
        self.rail.chosen.connect(self.go)
        self.run_bar.page_wanted.connect(self.go)
        self.strip.page_wanted.connect(self.go)
        self.strip.fold_wanted.connect(self.fold_strip)
        self.strip.fit_wanted.connect(self.make_it_fit)
        self.context.run.refused.connect(self.context.messages.error)
        self.context.session.refused.connect(self.context.messages.error)
        self.context.theme.changed.connect(self._choose_form)
        self.context.messages.set_display(self)

    def _add_shortcuts(self) -> None:
        run, session = self.context.run, self.context.session
        for index, name in enumerate(self.page_names()[:8], start=1):
            self._shortcut(f"Ctrl+{index}", lambda name=name: self.go(name))
        self._shortcut("Ctrl+R", self.launch.press)
        self._shortcut("Ctrl+P", lambda: run.resume() if run.resumable else run.pause())
        self._shortcut("Ctrl+.", run.stop)
        self._shortcut("Ctrl+Shift+M", self.fold_strip)
        self._shortcut("Ctrl+Z", session.undo)
        self._shortcut("Ctrl+Shift+Z", session.redo)
        self._shortcut("F6", lambda: self._next_region(1))
        self._shortcut("Shift+F6", lambda: self._next_region(-1))
        self._shortcut("F1", self._explain)

    def _shortcut(self, keys: str, act: object) -> None:
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.activated.connect(act)

    def _next_region(self, step: int) -> None:
        regions: list[QWidget] = [self.rail, self.current, self.strip, self.run_bar]
        focused = QApplication.focusWidget()
        here = next(
            (i for i, region in enumerate(regions) if focused and region.isAncestorOf(focused)), -1
        )
        target = regions[(here + step) % len(regions)]
        if target is self.rail:
            self.rail.focus_current()
            return
        first = first_stop(target)
        if first is not None:
            first.setFocus(Qt.FocusReason.TabFocusReason)

    def _explain(self) -> None:
        """Open the "Why?" of the form row that has the focus, or the Help page."""
        widget = QApplication.focusWidget()
        while widget is not None and widget is not self:
            panel = getattr(widget, "panel", None)
            if isinstance(panel, QWidget):
                panel.setVisible(panel.isHidden())
                return
            widget = widget.parentWidget()
        self.go("help")

    # -- events -----------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Change between the large and the small form."""
        self._choose_form()
        super().resizeEvent(event)
        self.toast.place(above=self.strip.height())

    def _choose_form(self) -> None:
        narrow = self.width() < scaled(SMALL_WIDTH)
        if narrow != self._narrow:
            self._narrow = narrow
            self.rail.set_narrow(narrow)
            self.run_bar.set_narrow(narrow)
            self.strip.set_narrow(narrow)
            self._show_strip()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell when the first frame is on the screen."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            self.rail.focus_current(Qt.FocusReason.OtherFocusReason)
            self.painted.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask first where a run is going on; remember size and place.

        Where it is to be stopped, the window stays until it is saved, and closes then.
        """
        run = self.context.run
        answer = ask_about_live_run(self, run) if run.alive else "stop"
        if answer == "cancel" or (run.alive and answer == "stop"):
            event.ignore()
            if answer == "stop":
                run.phase_changed.connect(self._close_when_saved)
                run.stop()
            return
        self.context.preferences.geometry = QByteArray(self.saveGeometry())
        self.context.preferences.save()
        self.left.emit(answer == "keep")
        super().closeEvent(event)

    def _close_when_saved(self) -> None:
        if not self.context.run.alive:
            self.context.run.phase_changed.disconnect(self._close_when_saved)
            self.close()

    def _restore_geometry(self) -> None:
        geometry = self.context.preferences.geometry
        if geometry is not None:
            self.restoreGeometry(geometry)


def first_stop(region: QWidget) -> QWidget | None:
    """Return the first widget of a region that the Tab key stops at."""
    for widget in region.findChildren(QWidget):
        policy = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        if policy and widget.isEnabled() and widget.isVisible():
            return widget
    return None
