"""Do the words of the data hold the markers of the model?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext


@check("markers-in-data")
def markers_in_data(context: CheckContext) -> Finding | None:
    """Warn where words would be read as the end of a turn, or as the beginning of another."""
    if context.tokens is None or context.table is None:
        return None
    rows, marker = context.tokens.marked_rows
    if not rows:
        return Finding("ok", "No row holds a marker of the model in its words.")
    return Finding(
        "warn",
        f"{rows:,} of {len(context.table):,} rows hold markers such as {marker} in their words: "
        "the model reads them as its own, as if a turn ended or began there.",
        "Take the markers out of the data, or write them in another way.",
    )
