"""A button whose menu leads to an adapter: of a run here, in a folder, or in one file."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QMenu

from app.style.theme import Theme
from app.widgets.buttons import Button
from app.widgets.text import set_variant
from core.errors import UserError
from core.paths import runs_dir
from core.run_folder import list_runs

RECENT = 8
"""So many runs stand in the menu; others are found in their folder."""


class AdapterChooser(Button):
    """Offers the newest runs that have an adapter, and what lies elsewhere on the disk.

    Args:
        shown: The run that is not offered, since it is looked at already.

    Signals:
        chosen: (Path) A run, a folder or a safetensors file.
    """

    chosen = Signal(object)

    def __init__(
        self,
        text: str,
        *,
        theme: Theme,
        icon: str,
        shown: Callable[[], Path | None],
        small: bool = False,
    ) -> None:
        super().__init__(text, theme=theme, icon=icon)
        if small:
            set_variant(self, compact="true")
        self._shown = shown
        menu = QMenu(self)
        menu.aboutToShow.connect(self.fill)
        self.setMenu(menu)

    def fill(self) -> None:
        """Look for runs anew."""
        menu, shown = self.menu(), self._shown()
        menu.clear()
        runs = [run.path for run in list_runs(runs_dir())[: RECENT + 1] if run.path != shown]
        for path in filter(_has_adapter, runs[:RECENT]):
            menu.addAction(path.name, partial(self.chosen.emit, path))
        menu.addSeparator()
        menu.addAction("Folder…", self._on_folder)
        menu.addAction("Single file…", self._on_file)

    def _on_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "The folder of an adapter or a run")
        if folder:
            self.chosen.emit(Path(folder))

    def _on_file(self) -> None:
        file, _ = QFileDialog.getOpenFileName(
            self, "An adapter in one file", "", "Safetensors (*.safetensors)"
        )
        if file:
            self.chosen.emit(Path(file))


def _has_adapter(run: Path) -> bool:
    from core.ranks.find import find_adapter  # brings NumPy: not before the first frame

    try:
        find_adapter(run)
    except UserError:
        return False
    return True
