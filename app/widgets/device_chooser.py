"""The list of devices here and of cards to plan for, with a search."""

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.amounts import gib
from app.device_words import free_words
from app.session import Session
from app.style.theme import font
from core.memory.cards import CARDS
from core.memory.devices import Device

HERE = "This computer"
DEVICE_ROLE = Qt.ItemDataRole.UserRole


def heading(device: Device) -> str:
    """Return under which heading a device stands."""
    return device.series or HERE


def short_name(device: Device) -> str:
    """Return the name without what goes without saying."""
    name = device.name
    for word in ("NVIDIA GeForce ", "NVIDIA ", "AMD Radeon ", "AMD ", "Intel "):
        name = name.removeprefix(word)
    return name


class DeviceChooser(QFrame):
    """A popup: type to search, Enter or a click to choose.

    Signals:
        chosen: The user chose this Device.
    """

    chosen = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._session = session
        self.setProperty("role", "popup")
        self.setAccessibleName("Plan for another card")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a card")
        self.search.setAccessibleName("Find a card")
        self.search.textChanged.connect(self._fill)
        self.search.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName("Cards")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(self._on_item)
        self.list.itemActivated.connect(self._on_item)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        self.resize(340, 380)

    def open_above(self, anchor: QWidget) -> None:
        """Open with the lower left corner on the upper left of `anchor`."""
        self.search.clear()
        self._fill("")
        self.move(anchor.mapToGlobal(QPoint(0, 0)) - QPoint(0, self.height() + 4))
        self.show()
        self.search.setFocus()

    def open_below(self, anchor: QWidget) -> None:
        """Open with the upper right corner on the lower right of `anchor`."""
        self.open_above(anchor)
        self.move(anchor.mapToGlobal(QPoint(anchor.width() - self.width(), anchor.height() + 4)))

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Let the arrow keys and Enter of the search field work on the list."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                self.list.setFocus()
                self.list.setCurrentRow(self._first())
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._on_item(self.list.item(self._first()))
                return True
        return False

    def _first(self) -> int:
        rows = range(self.list.count())
        return next((i for i in rows if self.list.item(i).data(DEVICE_ROLE) is not None), 0)

    def _fill(self, text: str) -> None:
        self.list.clear()
        shown = ""
        wanted = text.lower().split()
        for device in (*self._session.devices, *CARDS):
            if not all(word in _search_words(device) for word in wanted):
                continue
            if heading(device) != shown:
                shown = heading(device)
                self._add_heading(shown)
            self._add(device)
        if not self.list.count():
            self._add_heading("No card of that name")

    def _add_heading(self, text: str) -> None:
        item = QListWidgetItem(text)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        item.setFont(font("chip"))
        self.list.addItem(item)

    def _add(self, device: Device) -> None:
        size = f"{gib(device.total_bytes, 0)} GiB" if device.series else free_words(device)
        words = (
            short_name(device) if device.name.endswith(" GB") else f"{short_name(device)}   {size}"
        )
        item = QListWidgetItem(f"   {words}")
        item.setData(DEVICE_ROLE, device)
        self.list.addItem(item)
        if device == self._session.device:
            self.list.setCurrentItem(item)

    def _on_item(self, item: QListWidgetItem | None) -> None:
        device = item.data(DEVICE_ROLE) if item is not None else None
        if isinstance(device, Device):
            self.hide()
            self.chosen.emit(device)


def _search_words(device: Device) -> str:
    size = gib(device.total_bytes, 0)
    return f"{device.name} {device.series} {size} gb {size}gb gib".lower()
