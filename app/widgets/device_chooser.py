"""The list of devices here and of cards to plan for, with a search."""

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.amounts import gib
from app.session import Session
from app.style.theme import font
from core.memory.cards import CARDS
from core.memory.devices import Device

HERE = "This computer"
DEVICE_ROLE = Qt.ItemDataRole.UserRole


def vendor(device: Device) -> str:
    """Return under which heading a device stands."""
    return device.name.split()[0] if device.kind == "card" else HERE


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
        heading = ""
        wanted = text.lower().split()
        devices = [*self._session.devices, *sorted(CARDS, key=lambda card: vendor(card))]
        for device in devices:
            words = f"{device.name} {gib(device.total_bytes, 0)}".lower()
            if not all(word in words for word in wanted):
                continue
            if vendor(device) != heading:
                heading = vendor(device)
                self._add_heading(heading)
            self._add(device)

    def _add_heading(self, text: str) -> None:
        item = QListWidgetItem(text)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        item.setFont(font("chip"))
        self.list.addItem(item)

    def _add(self, device: Device) -> None:
        free = f"{gib(device.free_bytes)} of " if device.kind != "card" else ""
        name = short_name(device) if device.kind == "card" else device.name
        item = QListWidgetItem(f"   {name}   {free}{gib(device.total_bytes, 0)} GiB")
        item.setData(DEVICE_ROLE, device)
        self.list.addItem(item)
        if device == self._session.device:
            self.list.setCurrentItem(item)

    def _on_item(self, item: QListWidgetItem | None) -> None:
        device = item.data(DEVICE_ROLE) if item is not None else None
        if isinstance(device, Device):
            self.hide()
            self.chosen.emit(device)
