"""Can the data be read, and do its columns say what is question and what is answer?"""

from core.checks.base import Finding, check, refused
from core.checks.context import CheckContext


@check("data-readable", 10, 11)
def data_readable(context: CheckContext) -> Finding | None:
    """Block on data that cannot be read; warn of what was mended while reading."""
    if context.data_error is not None:
        return refused(context.data_error)
    if context.table is None:
        return None
    if context.table.warnings:
        return Finding("warn", context.table.warnings[0], "Look at these rows on the data page.")
    return Finding("ok", f"{len(context.table):,} rows, read as {context.table.format}.")
