"""A row of tabs: exclusive views of the same thing."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QTabBar, QVBoxLayout, QWidget


class Tabs(QTabBar):
    """Tabs that show one of several widgets in a stack; arrow keys move between them.

    A tab can be hidden while there is nothing behind it.

    Signals:
        shown: (QWidget) Another one is shown.
    """

    shown = Signal(QWidget)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.stack = Deck()
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
        if index >= 0:
            self.stack.setCurrentIndex(index)
            self.shown.emit(self.stack.widget(index))


class Deck(QWidget):
    """One of several widgets at a time, as high as that one needs.

    `QStackedWidget` is as high as the highest of all: its layout answers, whatever a subclass says.
    """

    def __init__(self) -> None:
        super().__init__()
        self._widgets: list[QWidget] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    def addWidget(self, widget: QWidget) -> None:
        """Add a widget; the first one is shown."""
        self._layout.addWidget(widget)
        self._widgets.append(widget)
        widget.setVisible(len(self._widgets) == 1)

    def count(self) -> int:
        """Return how many there are."""
        return len(self._widgets)

    def widget(self, index: int) -> QWidget:
        """Return one by its place."""
        return self._widgets[index]

    def indexOf(self, widget: QWidget) -> int:
        """Return the place of one, -1 if it is none of them."""
        return self._widgets.index(widget) if widget in self._widgets else -1

    def currentIndex(self) -> int:
        """Return the place of the one that is shown."""
        shown = (i for i, widget in enumerate(self._widgets) if not widget.isHidden())
        return next(shown, -1)

    def currentWidget(self) -> QWidget | None:
        """Return the one that is shown."""
        index = self.currentIndex()
        return self._widgets[index] if index >= 0 else None

    def setCurrentIndex(self, index: int) -> None:
        """Show the one at a place."""
        self.setCurrentWidget(self._widgets[index])

    def setCurrentWidget(self, widget: QWidget) -> None:
        """Show one of them."""
        for other in self._widgets:
            if other is not widget:
                other.hide()
        widget.show()
