"""The actions of the Ranks page, the most likely one first."""

from app.rank_actions.base import RankAction
from app.rank_actions.damp import DampAction
from app.rank_actions.dense import ConvertAction, ExtractAction
from app.rank_actions.evaluate import EvaluateAction
from app.rank_actions.export import ClipAction, ExportAction, GrowAction
from app.rank_actions.merge import MergeAction
from app.rank_actions.retrain import RetrainAction
from app.rank_actions.truncate import TruncateAction

ACTIONS: tuple[type[RankAction], ...] = (
    TruncateAction,
    EvaluateAction,
    RetrainAction,
    ExportAction,
    ConvertAction,
    MergeAction,
    DampAction,
    GrowAction,
    ClipAction,
    ExtractAction,
)

__all__ = ["ACTIONS", "RankAction"]
