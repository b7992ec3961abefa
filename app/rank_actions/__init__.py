"""The actions of the Ranks page, the most likely one first."""

from app.rank_actions.base import RankAction
from app.rank_actions.evaluate import EvaluateAction
from app.rank_actions.export import ClipAction, ExportAction, GrowAction
from app.rank_actions.retrain import RetrainAction
from app.rank_actions.truncate import TruncateAction

ACTIONS: tuple[type[RankAction], ...] = (
    TruncateAction,
    EvaluateAction,
    RetrainAction,
    ExportAction,
    GrowAction,
    ClipAction,
)

__all__ = ["ACTIONS", "RankAction"]
