"""A card around a plot: its menu, the title of its axis, its legend and its explanation."""

import csv
import io
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QSizePolicy

from app.plots.spectrum_plot import SpectrumPlot
from app.style.theme import Theme
from app.why import Why
from app.widgets.basic import Card, ElidedLabel, icon_button, label
from app.widgets.fields import WhyPanel
from app.widgets.legend import Legend
from core.durable import replace_file


class PlotCard(Card):
    """Title, "…" menu, plot, axis title and legend."""

    def __init__(
        self, plot: SpectrumPlot, titles: tuple[str, str, str], legend: Legend, *, theme: Theme
    ) -> None:
        """Put `plot` into a card; `titles` are its title, its caption and that of its axis."""
        super().__init__(titles[0], titles[1])
        self.plot = plot
        self._subject = titles[0]
        more = icon_button("ellipsis", f"More about {titles[0].lower()}", theme=theme)
        more.setMenu(self._make_menu())
        self.header.addWidget(more)
        self.panel: WhyPanel | None = None
        self.body.setSpacing(2)
        self.body.addWidget(plot, 1)
        axis = label(titles[2], "caption", "muted")
        self.body.addWidget(axis, 0, Qt.AlignmentFlag.AlignRight)
        self.read_out = ElidedLabel("", "caption", "muted")
        self.read_out.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        foot = QHBoxLayout()
        foot.setSpacing(16)
        foot.addWidget(legend)
        foot.addWidget(self.read_out, 1)
        self.body.addLayout(foot)

    def explain(self, why: Why) -> None:
        """Give the menu's "What is this?" its text."""
        self.panel = WhyPanel(why)
        self.body.addWidget(self.panel)

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction("What is this?", self._on_explain)
        menu.addSeparator()
        menu.addAction("Copy values", self.copy_values)
        menu.addAction("Save as CSV…", self._on_csv)
        menu.addAction("Save as PNG…", self._on_png)
        return menu

    def copy_values(self) -> None:
        """Put the table behind the plot on the clipboard, with tabs between the columns."""
        rows = ("\t".join(row) for row in self.plot.rows())
        QGuiApplication.clipboard().setText("\n".join(rows))

    def save_csv(self, path: Path) -> None:
        """Write the table behind the plot."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(self.plot.rows())
        replace_file(path, text.getvalue().encode())

    def _on_explain(self) -> None:
        if self.panel is not None:
            self.panel.setVisible(self.panel.isHidden())

    def _on_csv(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save as CSV", f"{self._subject}.csv")
        if path:
            self.save_csv(Path(path))

    def _on_png(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save as PNG", f"{self._subject}.png")
        if path:
            self.grab().save(path)
