"""The theme in force: which tokens, and who wants to know when they change."""

from typing import Literal

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from app.style.stylesheet import stylesheet
from app.style.tokens import DARK, LIGHT, Tokens
from core.paths import resources_dir

Choice = Literal["system", "light", "dark"]
TEXT_SCALE = "text_scale"
"""Name of the application's property that holds the text size, 1.0 for 100 %."""

SIZES = {
    "display": (24, QFont.Weight.DemiBold),
    "stat": (20, QFont.Weight.DemiBold),
    "title": (18, QFont.Weight.DemiBold),
    "answer": (14, QFont.Weight.Normal),
    "body": (13, QFont.Weight.Normal),
    "label": (13, QFont.Weight.Medium),
    "card": (13, QFont.Weight.DemiBold),
    "small": (12, QFont.Weight.Normal),
    "caption": (11, QFont.Weight.Normal),
    "chip": (11, QFont.Weight.Medium),
}
"""Type styles: size in logical pixels and weight."""


class Theme(QObject):
    """Holds the tokens and applies them to the application.

    Signals:
        changed: The tokens are others now; painted widgets update themselves. GUI thread.
    """

    changed = Signal()

    def __init__(self, application: QApplication, choice: Choice = "system") -> None:
        super().__init__()
        self._application = application
        self._choice: Choice = choice
        self._still = False
        self.tokens: Tokens = LIGHT
        self._load_fonts()
        application.setStyle("Fusion")
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_change)
        self.apply()

    @property
    def choice(self) -> Choice:
        """What the user chose."""
        return self._choice

    @property
    def still(self) -> bool:
        """Whether nothing should move that does not have to."""
        return self._still

    def set_still(self, still: bool) -> None:
        """Reduce motion, or allow it."""
        self._still = still
        self.changed.emit()

    @property
    def text_scale(self) -> float:
        """Size of all text, 1.0 for 100 %."""
        return text_scale()

    def set_text_scale(self, scale: float) -> None:
        """Make all text larger or smaller, between 0.9 and 1.5."""
        wanted = min(1.5, max(0.9, scale))
        if wanted == text_scale():
            return
        self._application.setProperty(TEXT_SCALE, wanted)
        self.apply()
        for widget in self._application.allWidgets():  # Qt tells those without a font of their own
            QApplication.sendEvent(widget, QEvent(QEvent.Type.ApplicationFontChange))

    def choose(self, choice: Choice) -> None:
        """Follow the system, or stay light or dark."""
        self._choice = choice
        if self._wanted() is not self.tokens:
            self.apply()

    def apply(self) -> None:
        """Set palette, font and stylesheet, and tell everybody."""
        self.tokens = self._wanted()
        self._application.setPalette(_palette(self.tokens))
        self._application.setFont(font("body"))
        self._application.setStyleSheet(stylesheet(self.tokens, text_scale()))
        self.changed.emit()

    def _wanted(self) -> Tokens:
        system_dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        dark = self._choice == "dark" or (self._choice == "system" and system_dark)
        return DARK if dark else LIGHT

    def color(self, token: str) -> QColor:
        """Return the colour called `token`, such as "learned_text"."""
        return QColor(getattr(self.tokens, token))

    def _on_system_change(self) -> None:
        if self._choice == "system":
            self.apply()

    @staticmethod
    def _load_fonts() -> None:
        for pattern in ("*.ttf", "*.otf"):
            for file in sorted((resources_dir() / "fonts").rglob(pattern)):
                QFontDatabase.addApplicationFont(str(file))


def font(style: str) -> QFont:
    """Return the interface font in one of `SIZES`, with tabular digits."""
    size, weight = SIZES[style]
    return _font(["Inter", "DejaVu Sans"], size, weight)


def mono(size: int = 12) -> QFont:
    """Return the font of code, shapes, tokens and paths."""
    return _font(["JetBrains Mono", "DejaVu Sans Mono"], size, QFont.Weight.Normal)


def text_scale() -> float:
    """Return the size of text in force, 1.0 for 100 %."""
    application = QGuiApplication.instance()
    return float(application.property(TEXT_SCALE) or 1.0) if application else 1.0


def scaled(pixels: float) -> int:
    """Return a length that grows with the text, in pixels."""
    return round(pixels * text_scale())


def _font(families: list[str], size: int, weight: QFont.Weight) -> QFont:
    made = QFont(families)
    made.setPixelSize(round(size * text_scale()))
    made.setWeight(weight)
    made.setFeature(QFont.Tag("tnum"), 1)
    return made


def _palette(tokens: Tokens) -> QPalette:
    roles = {
        QPalette.ColorRole.Window: tokens.window,
        QPalette.ColorRole.WindowText: tokens.text,
        QPalette.ColorRole.Base: tokens.surface,
        QPalette.ColorRole.AlternateBase: tokens.sunken,
        QPalette.ColorRole.Text: tokens.text,
        QPalette.ColorRole.PlaceholderText: tokens.text_3,
        QPalette.ColorRole.Button: tokens.surface,
        QPalette.ColorRole.ButtonText: tokens.text,
        QPalette.ColorRole.ToolTipBase: tokens.raised,
        QPalette.ColorRole.ToolTipText: tokens.text,
        QPalette.ColorRole.Highlight: tokens.accent,
        QPalette.ColorRole.HighlightedText: tokens.on_accent,
        QPalette.ColorRole.Link: tokens.accent,
    }
    palette = QPalette()
    for role, color in roles.items():
        palette.setColor(role, QColor(color))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens.text_3))
    return palette
