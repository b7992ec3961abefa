"""The name of the run, with a menu of recent ones."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QSizePolicy, QWidget

from app.run_controller import RunController
from app.run_state import FACES, RunPhase
from app.session import Session
from app.style.theme import Theme, scaled
from app.widgets.buttons import Button, IconLabel
from app.widgets.text import set_variant
from core.errors import UserError
from core.paths import runs_dir
from core.run_folder import list_runs

RECENT = 8
"""So many runs are in the menu."""


class RunName(QWidget):
    """Edits the name of the next run; shows the name of the run at hand.

    Signals:
        page_wanted: The user asked for the page of this name.
    """

    page_wanted = Signal(str)

    def __init__(self, theme: Theme, session: Session, run: RunController) -> None:
        super().__init__()
        self._session, self._run = session, run
        self._widest = 260
        self.edit = QLineEdit()
        self.edit.setProperty("role", "plain")
        self.edit.setObjectName("run_name")
        self.edit.setAccessibleName("Name of the run")
        self.edit.setMaxLength(80)
        self.edit.textChanged.connect(self._fit)
        self.edit.editingFinished.connect(self._on_edited)
        self.menu_button = Button("", theme=theme, role="quiet", icon="chevron-down")
        self.menu_button.setObjectName("run_menu_button")
        self.menu_button.setAccessibleName("Recent runs")
        self.menu_button.setToolTip("New run, recent runs")
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill)
        self.menu_button.setMenu(self._menu)
        self.menu_button.setFixedSize(26, 32)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(24, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(IconLabel("flask-conical", "text_2", theme=theme))
        layout.addWidget(self.edit)
        layout.addWidget(self.menu_button)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self._fit)
        session.settings_changed.connect(self.refresh)
        run.run_changed.connect(self.refresh)
        self.refresh()

    def set_narrow(self, narrow: bool) -> None:
        """Take less room in a small window."""
        self._widest = 180 if narrow else 260
        layout = self.layout()
        assert layout is not None
        layout.setContentsMargins(12 if narrow else 24, 0, 0, 0)
        self._fit()

    def refresh(self) -> None:
        """Show the run's name, or that of the draft."""
        shown = self._run.run
        self.edit.setReadOnly(shown is not None)
        shape = Qt.CursorShape.IBeamCursor if shown is None else Qt.CursorShape.ArrowCursor
        self.edit.setCursor(shape)
        name = shown.path.name if shown is not None else self._session.settings.name
        if self.edit.text() != name:
            self.edit.setText(name)
            self.edit.setCursorPosition(0)
        self.edit.setToolTip(name if shown is None else f"{name}\n{shown.path}")

    def _fit(self) -> None:
        width = QFontMetrics(self.edit.font()).horizontalAdvance(self.edit.text()) + scaled(28)
        self.edit.setFixedWidth(min(scaled(self._widest), max(90, width)))

    def _on_edited(self) -> None:
        if self._run.run is not None:
            return
        name = self.edit.text().strip()
        try:
            self._session.settings.with_changes({"name": name})
        except UserError:
            set_variant(self.edit, invalid="true")
            self.edit.setToolTip('A name has 1 to 80 characters, none of / \\ : * ? " < > |')
            return
        set_variant(self.edit, invalid="false")
        self._session.change({"name": name})

    def _fill(self) -> None:
        menu = self._menu
        menu.clear()
        new = menu.addAction("New run with the current settings", self._run.close_run)
        new.setEnabled(self._run.run is not None and not self._run.alive)
        if self._run.phase is RunPhase.FAILED and self._run.resumable:
            menu.addAction("Resume from the newest checkpoint", self._run.resume)
        runs = list_runs(runs_dir())[:RECENT]
        if runs:
            menu.addSeparator()
        for run in runs:
            phase = run.state().phase
            word = "new" if phase == "created" else FACES[RunPhase(phase)].word.lower()
            action = menu.addAction(f"{run.path.name}   {word}")
            action.triggered.connect(lambda _on=False, path=run.path: self._run.open(path))
            action.setEnabled(not self._run.alive)
        if runs:
            menu.addSeparator()
            menu.addAction("All runs…", lambda: self.page_wanted.emit("runs"))
