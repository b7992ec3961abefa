"""A run as it goes: loss, four small plots, log and ranks. Imports pyqtgraph."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.pages.base import PageContext
from app.pages.train_log import LogCard
from app.pages.train_ranks import RanksCard
from app.plots.loss_plot import LossPlot
from app.plots.run_series import RunSeries
from app.plots.small_plot import MEASURES, SmallPlot
from app.style.theme import Theme
from app.time_left import seconds_left
from app.widgets.cards import Card
from app.widgets.fields import Segmented
from app.widgets.legend import Key, Legend
from app.widgets.text import label
from app.words import duration, percent
from core.events import Event, RanksComputed, RunEnded
from core.memory.amounts import GIB

SMALL_WIDTH, TIGHT_WIDTH = 328, 248
AXIS_TITLES = {"step": "step", "tokens": "tokens read", "time": "seconds"}


class LiveValue(QWidget):
    """A number in the size of a headline with a caption under it."""

    def __init__(self, caption: str, tone: str = "") -> None:
        super().__init__()
        self.number = label("–", "stat", tone)
        self._caption = caption
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.number)
        layout.addWidget(label(caption, "caption", "muted"))

    def show_value(self, text: str) -> None:
        """Show another number."""
        self.number.setText(text)
        self.setAccessibleName(f"{self._caption} {text}")


class RunView(QWidget):
    """The plots of the current run; `redraw` does nothing while nothing is new."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self._run, self._session = context.run, context.session
        self.series = RunSeries()
        self._dirty, self._tight = True, False
        theme = context.theme
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        self.log = LogCard(self._run, theme)
        self.ranks = RanksCard(context)
        self.side = self._small_card(theme)
        for left, right, stretch in (
            (self._loss_card(theme), self.side, 5),
            (self.log, self.ranks, 2),
        ):
            line = QHBoxLayout()
            line.setSpacing(16)
            line.addWidget(left, 1)
            line.addWidget(right)
            layout.addLayout(line, stretch)

    def set_tight(self, tight: bool) -> None:
        """Leave out what the run bar and the page of ranks show as well."""
        self.ranks.setVisible(not tight)
        self._tight = tight
        self.left.setVisible(self._run.alive and not tight)
        self.side.setFixedWidth(TIGHT_WIDTH if tight else SMALL_WIDTH)
        self.ranks.setFixedWidth(SMALL_WIDTH)

    def show_run(self) -> None:
        """Begin with another run."""
        self.series = RunSeries(self.axis.value)
        self.loss.show_all()
        self.log.show_events(self._run.events)
        self.ranks.show_newest()
        self._dirty = True
        self.redraw()

    def add(self, event: Event) -> None:
        """Take in one event; curves wait for the timer."""
        self.log.add(event)
        if isinstance(event, RanksComputed):
            self.ranks.show_newest()
        if isinstance(event, RunEnded):  # nothing is left then, and no step says so
            self._dirty = True

    def redraw(self) -> None:
        """Draw what is new."""
        history = self._run.history
        if not self.series.sync(history) and not self._dirty:
            return
        self._dirty = False
        end = self._end()
        self.loss.draw(self.series, history, end)
        settings = self._run.settings or self._session.settings
        limits = {
            "gradient_norm": settings.training.max_gradient_norm or None,
            "memory_bytes": (self._run.state.predicted_bytes / GIB) or None,
        }
        for plot in self.small:
            plot.draw(self.series, end, limits.get(plot.measure.key))
        self._show_values()

    def _end(self) -> float:
        """Return where the run will end on the present axis, 0 where nobody can know."""
        history = self._run.history
        total = history.started.total_steps if history.started else self._run.state.total_steps
        if self.series.axis == "step" or not len(self.series):
            return float(total) if self.series.axis == "step" else 0.0
        done = float(history.steps["step"][-1])
        now = float(self.series.x[-1])
        return now * total / done if self._run.alive and done else now

    def _show_values(self) -> None:
        history, smooth = self._run.history, self.series.smooth
        losses = history.evaluations["loss"]
        self.training.show_value(f"{smooth[-1]:.2f}" if len(smooth) else "–")
        self.validation.show_value(f"{losses[-1]:.3f}" if len(losses) else "–")
        fall = losses[-1] / losses[0] - 1 if len(losses) > 1 and losses[0] else None
        self.fall.show_value("–" if fall is None else _signed(fall))
        left = None
        self.left.setVisible(self._run.alive and not self._tight)
        if self._run.alive:
            settings = self._run.settings or self._session.settings
            left = seconds_left(history, settings.training.evaluate_every)
        self.left.show_value(duration(left) if left else "–")

    def _loss_card(self, theme: Theme) -> Card:
        card = Card()
        self.training = LiveValue("Training loss", "learned")
        self.validation = LiveValue("Validation loss", "accent")
        self.fall = LiveValue("Validation since step 0")
        self.left = LiveValue("Time left")
        self.axis = Segmented(
            [("step", "Step"), ("tokens", "Tokens"), ("time", "Time")], theme=theme, name="Axis"
        )
        self.axis.changed.connect(self._on_axis)
        keys = (
            Key("training, smoothed 0.90", "line", "line_orange"),
            Key("validation", "dashes", "line_blue"),
        )
        head = QHBoxLayout()
        head.setSpacing(24)
        for value in (self.training, self.validation, self.fall, self.left):
            head.addWidget(value, 0, Qt.AlignmentFlag.AlignTop)
        head.addStretch(1)
        corner = QVBoxLayout()
        corner.setSpacing(4)
        corner.addWidget(Legend(*keys, theme=theme))
        corner.addWidget(self.axis, 0, Qt.AlignmentFlag.AlignRight)
        head.addLayout(corner)
        self.loss = LossPlot(theme)
        self.loss.setMinimumHeight(120)
        self.axis_title = label("step", "caption", "muted")
        card.body.setSpacing(2)
        card.body.addLayout(head)
        card.body.addSpacing(6)
        card.body.addWidget(self.loss, 1)
        card.body.addWidget(self.axis_title, 0, Qt.AlignmentFlag.AlignRight)
        return card

    def _small_card(self, theme: Theme) -> Card:
        card = Card()
        card.body.setSpacing(6)
        self.small = [SmallPlot(measure, theme) for measure in MEASURES]
        for plot in self.small:
            card.body.addWidget(plot, 1)
        return card

    def _on_axis(self, axis: str) -> None:
        self.series.set_axis(axis)
        self.axis_title.setText(AXIS_TITLES[axis])
        self._dirty = True
        self.loss.show_all()
        self.redraw()


def _signed(share: float) -> str:
    sign = "−" if share < 0 else "+"
    return f"{sign}{percent(abs(share))}"
