"""The views of the Ranks page, in the order of their tabs. Importing this imports pyqtgraph."""

from app.rank_views.against_base import AgainstBaseView
from app.rank_views.allocation import AllocationView
from app.rank_views.base import RankView
from app.rank_views.compare import CompareView
from app.rank_views.does_it_matter import DoesItMatterView
from app.rank_views.dora import DoraView
from app.rank_views.explain import ExplainView
from app.rank_views.over_training import OverTrainingView
from app.rank_views.spectrum import SpectrumView

VIEWS: tuple[type[RankView], ...] = (
    SpectrumView,
    OverTrainingView,
    DoesItMatterView,
    AllocationView,
    AgainstBaseView,
    CompareView,
    DoraView,
    ExplainView,
)

__all__ = ["VIEWS", "RankView"]
