"""Are the held-out rows unlike those that are learned?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext

WARN_ABOVE = 0.02
"""Share of the held-out rows."""


@check("held-out-apart", 13)
def held_out_apart(context: CheckContext) -> Finding | None:
    """Warn where held-out rows nearly repeat rows that are learned; whole copies never do."""
    if context.near is None or context.split is None:
        return None
    held_out = set(context.split.held_out)
    shared = [
        (row, first)
        for row, first in context.near.items()
        if (row in held_out) != (first in held_out)
    ]
    if len(shared) > WARN_ABOVE * len(held_out):
        row, first = shared[0]
        return Finding(
            "warn",
            f"{len(shared):,} held-out rows nearly repeat rows that are learned (row {row} and "
            f"row {first}, counted from 0): the validation loss will look better than it is.",
            "Remove near-duplicates, or hold out rows from another source.",
        )
    return Finding("ok", "Held-out rows do not repeat rows that are learned.")
