"""The views of the Ranks page, in the order of their tabs. Importing this imports pyqtgraph."""

from app.rank_views.base import RankView
from app.rank_views.over_training import OverTrainingView
from app.rank_views.spectrum import SpectrumView

VIEWS: tuple[type[RankView], ...] = (SpectrumView, OverTrainingView)

__all__ = ["VIEWS", "RankView"]
