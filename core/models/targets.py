"""From the short notation of `adapter.targets` to module names, and back.

all-linear            every matrix of the grid
q_proj                that module in every layer
self_attn.q_proj      the same, where the last part alone is ambiguous
q_proj@4-29           in layers 4 to 29
q_proj@0+2-4          in layers 0, 2, 3 and 4

An entry of `adapter.rank_pattern` is the same with a rank: q_proj@4-29=8.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from core.adapters.base import AdapterSettings, LowRankSettings, at_rank
from core.errors import UserError
from core.models.info import ModuleGrid

ALL_LINEAR = "all-linear"


def resolve(targets: Sequence[str], grid: ModuleGrid) -> tuple[str, ...]:
    """Return the full names of the targeted modules, in the order of the grid.

    Raises:
        UserError: There is no target, one matches no module of this model, or its layers cannot
            be read.
    """
    if not targets:
        raise UserError("No matrix is chosen for the adapter.", "Choose at least one target layer.")
    chosen: set[str] = set()
    for target in targets:
        kind, _, spans = target.partition("@")
        found = {
            module.name
            for module in grid.modules
            if kind in (ALL_LINEAR, module.label, module.kind, module.name)
            and (not spans or module.layer in _layers(target, spans))
        }
        if not found:
            known = ", ".join(dict.fromkeys(k.rsplit(".", 1)[-1] for k in grid.kinds))
            raise UserError(f"No module of this model matches {target!r}.", f"It has: {known}.")
        chosen |= found
    return tuple(module.name for module in grid.modules if module.name in chosen)


def resolve_ranks(rank_pattern: Sequence[str], grid: ModuleGrid) -> dict[str, int]:
    """Return the ranks of the modules that have one of their own, by full name.

    Args:
        rank_pattern: Entries such as q_proj@4-29=8; the first that matches a module counts.
        grid: The modules of the model.

    Raises:
        UserError: An entry matches no module of this model.
    """
    ranks: dict[str, int] = {}
    for entry in rank_pattern:
        target, _, rank = entry.rpartition("=")
        for name in resolve((target,), grid):
            ranks.setdefault(name, int(rank))
    return ranks


def own_ranks(adapter: AdapterSettings, grid: ModuleGrid) -> dict[str, int]:
    """Return the ranks that single modules have in these settings, by full name.

    Raises:
        UserError: An entry of `rank_pattern` matches no module of this model.
    """
    return resolve_ranks(getattr(adapter, "rank_pattern", ()), grid)


def adapted(adapter: AdapterSettings, grid: ModuleGrid) -> dict[str, AdapterSettings]:
    """Return the targets by full name, each with the settings that hold for it.

    Raises:
        UserError: A target or an entry of `rank_pattern` matches no module of this model.
    """
    ranks = own_ranks(adapter, grid)
    settings = dict.fromkeys(resolve(adapter.targets, grid), adapter)
    if isinstance(adapter, LowRankSettings):
        own = {name: at_rank(adapter, rank) for name, rank in ranks.items() if name in settings}
        settings |= own
    return settings


def describe_ranks(ranks: Mapping[str, int], grid: ModuleGrid) -> tuple[str, ...]:
    """Return the shortest entries of a rank_pattern for modules of the grid."""
    by_rank: dict[int, list[str]] = {}
    for name, rank in ranks.items():
        by_rank.setdefault(rank, []).append(name)
    return tuple(
        f"{target}={rank}"
        for rank, names in sorted(by_rank.items())
        for target in describe(names, grid)
    )


def describe(names: Iterable[str], grid: ModuleGrid) -> tuple[str, ...]:
    """Return the shortest notation for the cells of the grid that `names` touch."""
    cells = {(grid.by_name[name].kind, grid.by_name[name].layer) for name in names}
    if cells == set(grid.cells):
        return (ALL_LINEAR,)
    targets = []
    for kind in grid.kinds:
        possible = [layer for layer in grid.layers if (kind, layer) in grid.cells]
        chosen = [layer for layer in possible if (kind, layer) in cells]
        if chosen:
            name = _shortest(kind, grid)
            targets.append(name if chosen == possible else f"{name}@{_spans(chosen)}")
    return tuple(targets)


def _shortest(kind: str, grid: ModuleGrid) -> str:
    label = kind.rsplit(".", 1)[-1]
    same = [other for other in grid.kinds if other.rsplit(".", 1)[-1] == label]
    return label if same == [kind] else kind


def _layers(target: str, spans: str) -> set[int]:
    layers: set[int] = set()
    try:
        for span in spans.split("+"):
            first, dash, last = span.partition("-")
            layers |= set(range(int(first), int(last if dash else first) + 1))
    except ValueError:
        hint = "Write layers as in q_proj@4-29 or q_proj@0+2-4."
        raise UserError(f"The layers of {target!r} cannot be read.", hint) from None
    return layers


def _spans(layers: list[int]) -> str:
    """Return 0+2-4 for [0, 2, 3, 4]."""
    runs = groupby(enumerate(layers), key=lambda pair: pair[1] - pair[0])
    spans = [[layer for _, layer in run] for _, run in runs]
    return "+".join(str(s[0]) if len(s) == 1 else f"{s[0]}-{s[-1]}" for s in spans)
