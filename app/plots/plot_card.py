"""A card around a plot: its menu, its legend, its explanation, and the ways to take it along."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter, QRegion
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QSizePolicy, QWidget

from app.plots.plot import Plot, Row
from app.style.theme import Theme
from app.why import Why
from app.widgets.buttons import icon_button
from app.widgets.cards import Card, hairline
from app.widgets.fields import WhyPanel
from app.widgets.legend import Legend
from app.widgets.text import ElidedLabel, label
from core.durable import replace_file

PNG_SCALE = 2
"""Pixels of a saved picture per pixel of the window."""


class PlotCard(Card):
    """Title, "…" menu, one plot or several above each other, axis title, legend, read-out line.

    Attributes:
        plot: The first plot; its table is the one that is copied and saved.
        source: A line that only pictures have: scaling rule, number type and run.
    """

    def __init__(
        self, plot: Plot, titles: tuple[str, str, str], legend: Legend, *, theme: Theme, why: Why
    ) -> None:
        """Put `plot` into a card; `titles` are its title, its caption and that of its axis."""
        super().__init__(titles[0], titles[1])
        # Cards in a row are equally wide, whatever their titles ask for.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setMinimumWidth(250)
        self.plot = plot
        self._subject = titles[0]
        self._words = ""
        self._more = icon_button("ellipsis", f"More about {titles[0].lower()}", theme=theme)
        self._more.setMenu(self._make_menu())
        self.header.addWidget(self._more)
        self.title.setToolTip(f"{why.what} {why.effect}\n{why.source}".strip())
        self.legend = legend
        self.panel = WhyPanel(why)
        self.body.setSpacing(2)
        self.body.addWidget(self.panel)
        self.body.addWidget(plot, 1)
        self.read_out = ElidedLabel("", "caption", "muted")
        self.read_out.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        under = QHBoxLayout()
        under.setSpacing(16)
        under.addWidget(self.read_out, 1)
        under.addWidget(label(titles[2], "caption", "muted"))
        self.body.addLayout(under)
        self.body.addWidget(legend)
        self._line = hairline()
        self.source = label("", "caption", "muted")
        for widget in (self._line, self.source):
            self.body.addWidget(widget)
            widget.hide()
        plot.read_out.connect(self._on_read_out)

    def add_control(self, control: QWidget) -> None:
        """Put a control into the header, left of the menu."""
        self.header.insertWidget(self.header.count() - 1, control)

    def say(self, words: str) -> None:
        """Say something in the foot while nothing is pointed at."""
        self._words = words
        self.read_out.set_full_text(words)

    # -- taking it along --------------------------------------------------------------------

    def copy_values(self) -> None:
        """Put the table behind the plot on the clipboard, with tabs between the columns."""
        rows = ("\t".join(row) for row in self.rows())
        QGuiApplication.clipboard().setText("\n".join(rows))

    def rows(self) -> list[Row]:
        """Return the table behind the plot."""
        return self.plot.rows()

    def save_csv(self, path: Path) -> None:
        """Write the table behind the plot."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(self.rows())
        replace_file(path, text.getvalue().encode())

    def save_png(self, path: Path) -> None:
        """Write the card as a picture, with twice as many pixels as on the screen."""
        with self._as_picture():
            picture = QImage(self.size() * PNG_SCALE, QImage.Format.Format_ARGB32_Premultiplied)
            picture.setDevicePixelRatio(PNG_SCALE)
            picture.fill(Qt.GlobalColor.transparent)
            self.render(picture)
            picture.save(str(path))

    def save_svg(self, path: Path) -> None:
        """Write the card as a drawing that can be scaled and edited."""
        with self._as_picture():
            drawing = QSvgGenerator()
            drawing.setFileName(str(path))
            drawing.setSize(self.size())
            drawing.setViewBox(QRect(0, 0, self.width(), self.height()))
            drawing.setResolution(self.logicalDpiX())  # axes are recorded in it
            drawing.setTitle(self._subject)
            painter = QPainter(drawing)
            # A widget would draw its scene as pixels: the card comes first, the scene by itself.
            scene = self.plot.plot
            place = QRect(scene.mapTo(self, QPoint()), scene.size())
            self.render(painter, QPoint(), QRegion(self.rect()) - QRegion(place))
            self.plot.as_drawing(True)
            scene.render(painter, QRectF(place), scene.viewport().rect())
            self.plot.as_drawing(False)
            painter.end()

    # -- parts ------------------------------------------------------------------------------

    @contextmanager
    def _as_picture(self) -> Iterator[None]:
        """Show what a picture needs that stands alone, and hide what only the window can use."""
        for widget in (self._line, self.source):
            widget.setVisible(bool(self.source.text()))
        self._more.hide()
        self._outer.activate()
        try:
            yield
        finally:
            self._more.show()
            self._line.hide()
            self.source.hide()

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction("What is this?", self._on_explain)
        menu.addSeparator()
        menu.addAction("Copy values", self.copy_values)
        for kind, save in (("CSV", self.save_csv), ("PNG", self.save_png), ("SVG", self.save_svg)):
            menu.addAction(f"Save as {kind}…", partial(self._ask, kind, save))
        return menu

    def _ask(self, kind: str, save: Callable[[Path], None]) -> None:
        name = f"{self._subject}.{kind.lower()}"
        path, _ = QFileDialog.getSaveFileName(self, f"Save as {kind}", name)
        if path:
            save(Path(path))

    def _on_explain(self) -> None:
        self.panel.setVisible(self.panel.isHidden())

    def _on_read_out(self, words: str) -> None:
        self.read_out.set_full_text(words or self._words)
