"""The settings of a new run that trains at the ranks which a plan found to be enough."""

from collections import Counter
from collections.abc import Mapping

from core.adapters.base import LowRankSettings, at_rank
from core.errors import UserError
from core.models.info import ModuleGrid
from core.models.targets import describe, describe_ranks
from core.settings import RunSettings

_SUFFIX = "-retrained"
_LONGEST_NAME = 80


def retrained(settings: RunSettings, ranks: Mapping[str, int], grid: ModuleGrid) -> RunSettings:
    """Return the settings of a run with a rank per module and everything else as it was.

    Every module keeps its scaling s, not its alpha: what a rank of 8 learns is then added with the
    same weight as what the rank of 64 learned, and the learning rate stays right.

    Args:
        settings: Of the run that was truncated.
        ranks: By full module name, as `TruncationPlan.ranks`; 0 leaves the module alone.
        grid: The modules of the base model.

    Raises:
        UserError: No module is left, one is not in the model, or the method has no rank.
    """
    adapter = settings.adapter
    if not isinstance(adapter, LowRankSettings):
        raise UserError(
            f"The method {adapter.method} has no rank.", "Choose a run of LoRA, rsLoRA or DoRA."
        )
    chosen = {name: rank for name, rank in ranks.items() if rank}
    strangers = [name for name in chosen if name not in grid.by_name]
    if strangers:
        raise UserError(
            f"{strangers[0]} is no module in the blocks of this model.",
            "Choose the base model that the adapter was trained on.",
        )
    if not chosen:
        raise UserError("No module would be left to train.", "Keep more of the adapter.")
    common = Counter(chosen.values()).most_common(1)[0][0]
    others = {name: rank for name, rank in chosen.items() if rank != common}
    return settings.with_changes(
        {
            "name": settings.name.removesuffix(_SUFFIX)[: _LONGEST_NAME - len(_SUFFIX)] + _SUFFIX,
            "adapter.rank": common,
            "adapter.alpha": at_rank(adapter, common).alpha,
            "adapter.targets": describe(chosen, grid),
            "adapter.rank_pattern": describe_ranks(others, grid),
        }
    )
