"""A row of tabs: exclusive views of the same thing."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QTabBar, QWidget


class Tabs(QTabBar):
    """Tabs that show one of several widgets in a stack; arrow keys move between them.

    A tab can be hidden while there is nothing behind it.

    Signals:
        shown: (QWidget) Another one is shown.
    """

    shown = Signal(QWidget)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.stack = ShownSize()
        self.setAccessibleName(name)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.currentChanged.connect(self._on_current)

    def add(self, title: str, widget: QWidget) -> None:
        """Add a tab; the first one is shown."""
        self.stack.addWidget(widget)
        self.addTab(title)

    def show_widget(self, widget: QWidget) -> None:
        """Go to the tab of a widget."""
        self.setCurrentIndex(self.stack.indexOf(widget))

    def offer(self, widget: QWidget, offered: bool) -> None:
        """Show or hide the tab of a widget; whoever looked at it sees the first one then."""
        index = self.stack.indexOf(widget)
        if not offered and index == self.currentIndex():
            self.setCurrentIndex(0)
        if offered != self.isTabVisible(index):
            self.setTabVisible(index, offered)
            self.setTabText(0, self.tabText(0))  # or a gap stays where the tab was

    def _on_current(self, index: int) -> None:
        self.stack.setCurrentIndex(index)
        self.stack.updateGeometry()
        if index >= 0:
            self.shown.emit(self.stack.widget(index))


class ShownSize(QStackedWidget):
    """A stack as high as what it shows needs, not as the highest of all."""

    def minimumSizeHint(self) -> QSize:
        """Return what the shown widget needs."""
        shown = self.currentWidget()
        return shown.minimumSizeHint() if shown is not None else super().minimumSizeHint()

    def sizeHint(self) -> QSize:
        """Return what the shown widget asks for."""
        shown = self.currentWidget()
        return shown.sizeHint() if shown is not None else super().sizeHint()

    def hasHeightForWidth(self) -> bool:
        """Tell whether the shown widget breaks its lines."""
        shown = self.currentWidget()
        return shown is not None and shown.hasHeightForWidth()

    def heightForWidth(self, width: int) -> int:
        """Return what the shown widget needs: the stack's own layout answers for the highest."""
        shown = self.currentWidget()
        return shown.heightForWidth(width) if shown is not None else -1
