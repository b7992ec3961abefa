"""Over training: how many directions, how large, and which; grows by itself while a run trains."""

from statistics import median
from typing import ClassVar

from PySide6.QtGui import QHideEvent

from app.pages.base import PageContext
from app.plots.color_bar import ColorBar
from app.plots.component_image import ComponentImage
from app.plots.course_plot import CoursePlot, RunMarks
from app.plots.plot_card import PlotCard
from app.rank_course import RankCourse
from app.rank_desk import RankDesk
from app.rank_evidence import RankEvidence
from app.rank_views.base import RankView
from app.why import RANKS
from app.widgets.legend import Key, Legend


class OverTrainingView(RankView):
    """Directions, size and single components over the steps of the run."""

    title: ClassVar[str] = "Over training"

    def __init__(self, context: PageContext, desk: RankDesk, evidence: RankEvidence) -> None:
        super().__init__(context, desk, evidence)
        self.course = RankCourse(desk.source)
        self.course.grown.connect(self._draw_course)

    def offered(self) -> bool:
        """An adapter from the disk has no steps."""
        return bool(self.desk.source.steps)

    def build(self) -> None:
        """Make the three plots."""
        theme, choose = self.context.theme, self.desk.source.show_step
        self.directions = CoursePlot(
            theme,
            "Directions over training",
            {"erank": "effective rank", "energy_rank": "k95"},
        )
        self.sizes = CoursePlot(
            theme,
            "Size over training",
            {"frobenius": "‖ΔW‖", "spectral": "σ₁"},
            log=True,
        )
        self.image = ComponentImage(theme)
        self.bar = ColorBar(theme, length=60)
        chance = Key("effective rank if random", "band", "line_grey")
        cards = (
            self._card(
                self.directions,
                ("Directions", "median, middle half"),
                (
                    Key("effective rank", "line", "line_orange"),
                    Key("k95", "dashes", "line_blue"),
                    Key("thin: this module", "line", "line_grey"),
                    chance,
                ),
                "over_training",
            ),
            self._card(
                self.sizes,
                ("Size", "median, middle half; log"),
                (Key("‖ΔW‖", "line", "line_orange"), Key("σ₁", "dashes", "line_blue")),
                "size_over_training",
            ),
            self._card(self.image, ("Components", ""), (), "components"),
        )
        self.directions_card, self.sizes_card, self.image_card = cards
        self.image_card.add_control(self.bar)
        for plot in (self.directions, self.sizes, self.image):
            plot.step_chosen.connect(choose)

    def _card(
        self,
        plot: CoursePlot | ComponentImage,
        titles: tuple[str, str],
        keys: tuple[Key, ...],
        why: str,
    ) -> PlotCard:
        legend = Legend(*keys, theme=self.context.theme)
        made = PlotCard(plot, (*titles, "step"), legend, theme=self.context.theme, why=RANKS[why])
        self.row.addWidget(made, 1)
        return made

    def draw(self) -> None:
        """Read what is new and draw what is known."""
        self.course.follow()
        self._draw_course()

    def hideEvent(self, event: QHideEvent) -> None:
        """Leave the time to what is seen."""
        super().hideEvent(event)
        self.course.pause()
        self.mark_stale()

    def _draw_course(self) -> None:
        module, source, course = self.desk.module, self.desk.source, self.course.course
        if not self._built or module is None or module.name not in course.names:
            return
        for plot in (self.directions, self.sizes, self.image):
            plot.reading = self.course.reading
        settings = self.context.run.settings
        marks = RunMarks(
            shown=source.step,
            best=source.best_step,
            warmed_up=settings.training.warmup if settings is not None else -1,
        )
        self.directions.show_course(course, module.name, marks, self._chance())
        self.sizes.show_course(course, module.name, marks)
        sigma = course.spectra_of(module.name, len(module.singular_values))
        self.image.show_spectra(course.steps, sigma, source.step)
        low, high = self.image.ends
        self.bar.set_ends(f"{low:.2g}", f"{high:.2g}")

    def _chance(self) -> tuple[float, float]:
        """Return what chance would give the effective rank of the middle module."""
        assert self.desk.spectra is not None
        nulls = [module.null.intervals["erank"] for module in self.desk.spectra.modules]
        return median(low for low, _ in nulls), median(high for _, high in nulls)
