"""Which blocks of a model must be traced so that the others are known.

What a block adds to the memory of a step depends on its own kind and on that of its neighbours: a
checkpointed block keeps what the one below made. So a stretch of equal blocks, or of a pattern that
repeats, is traced with a few of its repetitions; the others are like those in its middle. Where two
traced blocks that should be alike are not, the whole model is traced (`core.memory.dry_run.step`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

LONGEST_PATTERN = 12
_SCALARS = (bool, int, float, str, type(None))

Kind = tuple[Any, ...]
Surroundings = tuple[Kind | None, Kind, Kind | None]


def kind_of(block: nn.Module, *marks: Any) -> Kind:
    """Return what makes a block like another: its modules, their settings and tensors, `marks`."""
    modules = tuple(
        (
            name,
            type(module).__name__,
            *((key, value) for key, value in vars(module).items() if _is_setting(key, value)),
        )
        for name, module in block.named_modules()
    )
    tensors = tuple((name, tuple(p.shape), p.dtype) for name, p in block.named_parameters())
    return modules, tensors, marks


def _is_setting(key: str, value: Any) -> bool:
    return isinstance(value, _SCALARS) and key not in ("layer_idx", "layer_id")


def surroundings(kinds: Sequence[Kind]) -> list[Surroundings]:
    """Return for each block the kinds of the one below, of itself and of the one above."""
    return [
        (kinds[i - 1] if i else None, kind, kinds[i + 1] if i + 1 < len(kinds) else None)
        for i, kind in enumerate(kinds)
    ]


def few(kinds: Sequence[Kind]) -> list[int]:
    """Return the indices of blocks that stand for all: none of the surroundings is missing."""
    chosen = list(range(len(kinds)))
    for period in range(1, LONGEST_PATTERN + 1):
        chosen = _shortened(chosen, kinds, period)
    kept = set(surroundings([kinds[i] for i in chosen]))
    return chosen if kept == set(surroundings(kinds)) else list(range(len(kinds)))


def _shortened(chosen: Sequence[int], kinds: Sequence[Kind], period: int) -> list[int]:
    """Return the indices with every pattern of this period repeated a few times at most."""
    enough = 2 + 2 // period
    left: list[int] = []
    for start, end in _stretches([kinds[i] for i in chosen], period):
        repetitions, rest = divmod(end - start, period)
        kept = min(repetitions, enough) * period
        left += [*chosen[start : start + kept], *chosen[end - rest : end]]
    return left


def _stretches(kinds: Sequence[Kind], period: int) -> Iterator[tuple[int, int]]:
    """Yield the borders of stretches in which each block is like the one `period` before it."""
    start = 0
    for i in range(1, len(kinds) + 1):
        repeats = i < len(kinds) and (i - start < period or kinds[i] == kinds[i - period])
        if not repeats:
            yield start, i
            start = i
