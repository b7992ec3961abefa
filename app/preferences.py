"""What the window remembers between two starts; never a training setting."""

from typing import Any

from PySide6.QtCore import QByteArray, QSettings

from app.style.theme import Choice
from core.paths import config_dir

RECENT_LIMIT = 12
THEMES: tuple[Choice, ...] = ("system", "light", "dark")


class Preferences:
    """Geometry, recent files, theme, text size, planned card; in `config_dir()`."""

    def __init__(self) -> None:
        file = config_dir() / "window.ini"
        self._settings = QSettings(str(file), QSettings.Format.IniFormat)

    def get(self, key: str, default: Any = None) -> Any:
        """Return what was kept under `key`, as text or a list of texts."""
        return self._settings.value(key, default)

    def put(self, key: str, value: Any) -> None:
        """Keep a text, a number or a list of texts."""
        self._settings.setValue(key, value)

    def save(self) -> None:
        """Write to the disk now."""
        self._settings.sync()

    # -- look -------------------------------------------------------------------------------

    @property
    def theme(self) -> Choice:
        """The chosen theme."""
        kept = self.get("look/theme", "system")
        return next((choice for choice in THEMES if choice == kept), "system")

    @theme.setter
    def theme(self, choice: Choice) -> None:
        self.put("look/theme", choice)

    @property
    def text_scale(self) -> float:
        """Size of text, 1.0 for 100 %."""
        try:
            return min(1.5, max(0.9, float(self.get("look/text_scale", 1.0))))
        except (TypeError, ValueError):
            return 1.0

    @text_scale.setter
    def text_scale(self, scale: float) -> None:
        self.put("look/text_scale", scale)

    @property
    def reduce_motion(self) -> bool:
        """Whether nothing should move that does not have to."""
        return self._flag("look/reduce_motion", default=False)

    @reduce_motion.setter
    def reduce_motion(self, on: bool) -> None:
        self.put("look/reduce_motion", on)

    # -- training ---------------------------------------------------------------------------

    @property
    def keep_awake(self) -> bool:
        """Whether the user has agreed that the computer stays awake while it trains."""
        return self._flag("training/keep_awake", default=False)

    @keep_awake.setter
    def keep_awake(self, on: bool) -> None:
        self.put("training/keep_awake", on)

    # -- recent -----------------------------------------------------------------------------

    @property
    def recent_models(self) -> list[str]:
        """Sources of models, newest first."""
        return self._list("recent/models")

    def remember_model(self, source: str) -> None:
        """Put a model at the head of the recent ones."""
        self._remember("recent/models", source)

    @property
    def card(self) -> str:
        """Name of the card that memory was planned for, empty for this computer's own device."""
        return str(self.get("memory/card", "") or "")

    @card.setter
    def card(self, name: str) -> None:
        self.put("memory/card", name)

    # -- window -----------------------------------------------------------------------------

    @property
    def geometry(self) -> QByteArray | None:
        """Size and place of the window, as Qt saves them."""
        kept = self.get("window/geometry")
        return kept if isinstance(kept, QByteArray) else None

    @geometry.setter
    def geometry(self, geometry: QByteArray) -> None:
        self.put("window/geometry", geometry)

    def strip_open(self, page: str, *, default: bool) -> bool:
        """Whether the memory strip is open on `page`."""
        return self._flag(f"strip/{page}", default=default)

    def set_strip_open(self, page: str, opened: bool) -> None:
        """Remember whether the memory strip is open on `page`."""
        self.put(f"strip/{page}", opened)

    def _flag(self, key: str, *, default: bool) -> bool:
        kept = self.get(key)
        return default if kept is None else str(kept).lower() in ("true", "1")

    def _list(self, key: str) -> list[str]:
        kept = self.get(key) or []
        return [kept] if isinstance(kept, str) else [str(item) for item in kept]

    def _remember(self, key: str, value: str) -> None:
        known = [item for item in self._list(key) if item != value]
        self.put(key, [value, *known][:RECENT_LIMIT])
