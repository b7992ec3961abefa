"""The run bar: name, state, progress, Start, Pause and Stop; never out of sight."""

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSizePolicy, QWidget

from app.launch import Launch
from app.run_controller import RunController
from app.run_state import FACES, RunPhase
from app.session import Session
from app.style.theme import Theme, font, scaled
from app.time_left import seconds_left
from app.widgets.buttons import Button, button
from app.widgets.rail import NARROW, WIDE
from app.widgets.run_dot import RunDot
from app.widgets.run_name import RunName
from app.widgets.text import ElidedLabel, label, set_variant
from app.words import duration
from core.events import CheckpointSaved, Evaluated, Progress, RunEnded, StepDone
from core.history import History

SILENT_SECONDS, LISTEN_MS = 60.0, 5000
"""A worker that says nothing for so long is talked about; that is looked at every few seconds."""
REFRESH_MS = 200
"""The line about a live run changes at most that often."""


class Logo(QWidget):
    """The mark of the program, with its name where there is room."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw bars that fall like singular values: learned ones warm, the rest cool."""
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        narrow = self.width() < WIDE
        left, bottom = (self.width() - 19) / 2 if narrow else 17, self.height() / 2 + 8
        bars = ((16, "learned"), (12, "learned"), (7, "frozen"), (4, "frozen"))
        for index, (height, token) in enumerate(bars):
            bar = QRectF(left + index * 5, bottom - height, 3.4, height)
            painter.fillRect(bar, self._theme.color(token))
        if not narrow:
            made = font("card")
            made.setPixelSize(round(made.pixelSize() * 14 / 13))
            painter.setFont(made)
            painter.setPen(self._theme.color("text"))
            area = QRectF(44, 0, self.width() - 44, self.height())
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, "Rankscope")
        painter.end()


class RunBar(QFrame):
    """Shows the phase of the run by `FACES` and offers what it allows.

    Signals:
        page_wanted: The user asked for the page of this name.
    """

    page_wanted = Signal(str)

    def __init__(self, theme: Theme, session: Session, run: RunController, launch: Launch) -> None:
        super().__init__()
        self._theme, self._run, self._launch = theme, run, launch
        self._session = session
        self.setProperty("ground", "surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Run")
        self.logo = Logo(theme)
        self.name = RunName(theme, session, run)
        self.name.page_wanted.connect(self.page_wanted)
        self.dot = RunDot(theme)
        self.word = label("", "card")
        self.word.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.detail = ElidedLabel("", "body", "muted", sentence=True)
        self._make_buttons()
        self._lay_out()
        self._progress, self._doing = 0.0, ""
        self._spoken = RunPhase.NO_PLAN
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self._listening = QTimer(self, interval=LISTEN_MS)
        self._listening.timeout.connect(self._on_listening)
        self._listening.start()
        run.phase_changed.connect(self.refresh)
        run.run_changed.connect(self._on_run)
        run.event_arrived.connect(self._on_event)
        launch.changed.connect(self.refresh)
        theme.changed.connect(self.update)
        self.set_narrow(False)
        self.refresh()

    def set_narrow(self, narrow: bool) -> None:
        """Take the sizes of a small window."""
        self.setFixedHeight(48 if narrow else 56)
        self.logo.setFixedWidth(scaled(NARROW) if narrow else WIDE)
        self.name.set_narrow(narrow)

    def sizeHint(self) -> QSize:
        """As wide as the window."""
        return QSize(900, 56)

    # -- what it shows ----------------------------------------------------------------------

    def refresh(self) -> None:
        """Show phase, line, progress and buttons as they are now."""
        phase = self._run.phase
        face = FACES[phase]
        word, dot, tone = face.word, face.dot, face.tone
        warnings = self._launch.warnings
        if phase is RunPhase.READY and (warnings or self._launch.blocks):
            dot, tone, word = "triangle", "warn", self._ready_words(len(warnings))
        self.dot.show_state(dot, tone)
        self.word.setText(word)
        self.detail.set_full_text(self._line())
        self._show_buttons()
        self._progress = self._share()
        self.update()
        if phase is not self._spoken:
            self._spoken = phase
            self._announce(f"{word}. {self.detail.full_text}")

    def _ready_words(self, count: int) -> str:
        if self._launch.blocks:
            return "Not ready"
        return f"Ready, {count} warning{'s' if count > 1 else ''}"

    def _line(self) -> str:
        run = self._run
        if run.phase is RunPhase.READY:
            return self._launch.why_not or next(iter(self._launch.warnings), run.detail)
        if run.silent_seconds > SILENT_SECONDS:
            return self._silent_line()
        if run.phase is RunPhase.RUNNING:
            return self._running_line()
        if run.phase is RunPhase.FINISHED:
            return finished_words(run.history) or run.detail
        return run.detail

    def _silent_line(self) -> str:
        since = duration(self._run.silent_seconds)
        doing = self._doing or self._run.detail or "training"
        return f"No word for {since}, last: {doing} · “Stop now” is beside Stop"

    def _running_line(self) -> str:
        run = self._run
        settings = run.settings or self._session.settings
        words = running_words(run.history, settings.training.evaluate_every) or run.detail
        return f"{self._doing} · {words}" if self._doing else words

    def _share(self) -> float:
        history = self._run.history
        if history.started is None or self._run.run is None or not len(history.steps):
            return 0.0
        if self._run.phase is RunPhase.FINISHED:
            return 0.0
        return float(history.steps["step"][-1]) / max(1, history.started.total_steps)

    def _show_buttons(self) -> None:
        face, launch = FACES[self._run.phase], self._launch
        self.start.setText(launch.label)
        self.start.setAccessibleName(launch.label)
        self.start.setEnabled(launch.enabled)
        self.start.setToolTip(launch.why_not or f"{launch.label} (Ctrl+R)")
        self.start.set_role("primary" if launch.primary else "")
        self.pause.setEnabled(face.can_pause)
        self.stop.setEnabled(face.can_stop)
        self.stop_menu.setEnabled(face.can_stop)
        why = "" if face.can_stop else "Nothing is running."
        self.pause.setToolTip(why or "Save a checkpoint and free the device (Ctrl+P)")
        self.stop.setToolTip(why or "Save what there is and end (Ctrl+.)")

    def _on_listening(self) -> None:
        if self._run.silent_seconds > SILENT_SECONDS:
            self.refresh()

    def _on_run(self) -> None:
        self._doing = ""
        self.refresh()

    def _on_event(self, event: object) -> None:
        match event:
            case Progress(phase="evaluating"):
                self._doing = f"evaluating, {event.share:.0%}"
            case Progress(phase="proving"):
                self._doing = "proving the adapter"
            case Progress(phase="saving"):
                self._doing = "saving"
            case CheckpointSaved() | Evaluated() | StepDone() | RunEnded():
                self._doing = ""
        if not self._timer.isActive():
            self._timer.start()

    def _announce(self, text: str) -> None:
        if self.isVisible():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the lower edge and the progress on it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("surface"))
        edge = QRectF(0, self.height() - 1, self.width(), 1)
        painter.fillRect(edge, self._theme.color("line"))
        if self._progress > 0:
            done = QRectF(0, self.height() - 2, self.width() * min(1.0, self._progress), 2)
            painter.fillRect(done, self._theme.color("accent"))
        painter.end()

    # -- making it --------------------------------------------------------------------------

    def _make_buttons(self) -> None:
        self.start = button("Start", theme=self._theme, icon="play")
        self.pause = button("Pause", theme=self._theme, icon="pause")
        self.stop = button("Stop and save", theme=self._theme, icon="square")
        self.stop_menu = Button("", theme=self._theme, icon="chevron-down")
        self.stop_menu.setAccessibleName("More ways to stop")
        self.stop_menu.setFixedWidth(30)
        names = ("start_button", "pause_button", "stop_button", "stop_menu_button")
        buttons = (self.start, self.pause, self.stop, self.stop_menu)
        for name, made in zip(names, buttons, strict=True):
            made.setObjectName(name)
        set_variant(self.stop, split="left")
        set_variant(self.stop_menu, split="right")
        self.start.clicked.connect(self._launch.press)
        self.pause.clicked.connect(self._run.pause)
        self.stop.clicked.connect(self._run.stop)
        menu = QMenu(self)
        menu.addAction("Stop and save", self._run.stop)
        menu.addAction("Stop now (keeps the last checkpoint)", self._run.stop_now)
        self.stop_menu.setMenu(menu)

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 24, 0)
        layout.setSpacing(8)
        layout.addWidget(self.logo)
        layout.addWidget(self.name)
        divider = QFrame()
        divider.setProperty("role", "divider")
        divider.setFixedSize(1, 24)
        layout.addWidget(divider)
        layout.addSpacing(4)
        layout.addWidget(self.dot)
        layout.addWidget(self.word)
        layout.addWidget(self.detail, 1)
        layout.addWidget(self.start)
        layout.addWidget(self.pause)
        stop = QHBoxLayout()
        stop.setSpacing(0)
        stop.addWidget(self.stop)
        stop.addWidget(self.stop_menu)
        layout.addLayout(stop)
        self.logo.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)


def running_words(history: History, evaluate_every: int) -> str:
    """Return step, epoch and estimate of a live run, or an empty text before its first step."""
    if history.started is None or not len(history.steps):
        return ""
    step = int(history.steps["step"][-1])
    words = [f"Step {step:,} of {history.started.total_steps:,}"]
    if history.started.steps_per_epoch > 0:
        words.append(f"epoch {step / history.started.steps_per_epoch:.1f}")
    left = seconds_left(history, evaluate_every)
    if left:  # what saving and proving take after the last step is not known
        words.append(f"about {duration(left)} left")
    return " · ".join(words)


def finished_words(history: History) -> str:
    """Return length and result of a run that has finished."""
    if history.started is None or not len(history.steps):
        return ""
    seconds = history.steps["seconds"]
    words = [f"{int(history.steps['step'][-1]):,} steps"]
    words.append(duration(float(seconds[-1]) - history.started.seconds))
    if history.best is not None:
        step, loss = history.best
        words.append(f"best {loss:.3f} at step {step:,}")
    return " · ".join(words)
