"""Icons: Lucide's line drawings, tinted with a token's colour."""

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from core.paths import resources_dir

STROKE = "1.75"


def icon(
    name: str, color: QColor, disabled: QColor | None = None, size: int = 16, *, gap: int = 0
) -> QIcon:
    """Return the icon `name` in `color`, and in `disabled` where its widget is switched off.

    `gap` adds empty pixels at its right, since a stylesheet cannot set icon and text apart.
    """
    made = QIcon()
    for scale in (1, 2):
        made.addPixmap(pixmap(name, color, size, scale, gap=gap))
        if disabled is not None:
            made.addPixmap(pixmap(name, disabled, size, scale, gap=gap), QIcon.Mode.Disabled)
    return made


def pixmap(
    name: str, color: QColor, size: int = 16, scale: float = 1.0, *, gap: int = 0
) -> QPixmap:
    """Return the icon `name` as a pixmap of `size` logical pixels."""
    drawn = QPixmap(round((size + gap) * scale), round(size * scale))
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    _renderer(name, color).render(painter, QRectF(0, 0, size * scale, size * scale))
    painter.end()
    drawn.setDevicePixelRatio(scale)
    return drawn


def paint_icon(painter: QPainter, name: str, color: QColor, box: QRectF) -> None:
    """Draw the icon `name` into `box`, sharp at any scale."""
    _renderer(name, color).render(painter, box)


def _renderer(name: str, color: QColor) -> QSvgRenderer:
    return _tinted(name, color.name())


@lru_cache(maxsize=256)
def _tinted(name: str, color: str) -> QSvgRenderer:
    """Return a drawing in a colour; kept, because bars and lists draw icons on every repaint."""
    drawing = (resources_dir() / "icons" / f"{name}.svg").read_text("utf-8")
    tinted = drawing.replace("currentColor", color).replace(
        'stroke-width="2"', f'stroke-width="{STROKE}"'
    )
    return QSvgRenderer(QByteArray(tinted.encode()))
