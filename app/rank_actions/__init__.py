"""The actions of the Ranks page, the most likely one first."""

from app.rank_actions.base import RankAction
from app.rank_actions.evaluate import EvaluateAction
from app.rank_actions.retrain import RetrainAction

ACTIONS: tuple[type[RankAction], ...] = (EvaluateAction, RetrainAction)

__all__ = ["ACTIONS", "RankAction"]
