"""The job `dataset`: the numbers of the data page, and rows as they will be read."""

from collections.abc import Generator, Sequence
from typing import Any

from pydantic import Field

from core.control import Control
from core.data.desk import Cancelled, DataDesk
from core.data.split import Split
from core.data.stats import DataStats, summarise
from core.data.table import Conversation, RowTable
from core.events import Event, Progress, Reply, RunEnded
from core.jobs.base import JOBS, JobRequest
from core.settings import DataSettings

PREVIEW_CHARACTERS = 2000
HELD_OUT_SHOWN = 6


class DatasetRequest(JobRequest):
    """Which data, and for which model.

    Attributes:
        source: The model whose tokenizer counts; empty: rows only, no tokens.
        first: Index of the first row to show.
        shown: Number of rows to show.
    """

    data: DataSettings
    source: str
    seed: int = 7
    first: int = Field(0, ge=0)
    shown: int = Field(50, ge=0, le=1000)


@JOBS.register("dataset")
class Dataset:
    """Reads, splits and encodes a data set."""

    Request: type[JobRequest] = DatasetRequest

    def __init__(self) -> None:
        self.desk = DataDesk()

    def run(self, request: DatasetRequest, control: Control) -> Generator[Event, None, None]:
        """Yield progress, then one reply (see `reply_data`); an early end gives no reply.

        Where rows or tokens take time, a first reply brings the first rows: neither a long file nor
        a model that has yet to be converted must keep anyone from reading their data.
        """
        yield Progress(phase="loading", message="Reading the data")
        reading, stats = self.desk.reading(request.data), DataStats()
        try:
            if not reading.complete:
                reading.read()
            if not reading.complete:
                yield Reply(data=reply_data(request, reading.table, stats, None))
            split = yield from self.desk.split(request.data, request.seed, control)
            if request.source:
                if not self.desk.has_encoded(request.data, request.source):
                    yield Reply(data=reply_data(request, reading.table, stats, split))
                tokens = yield from self.desk.encoded(request.data, request.source, control)
                stats = summarise(tokens, request.data.max_length)
        except Cancelled:
            yield RunEnded(outcome="stopped")
            return
        yield Reply(data=reply_data(request, reading.table, stats, split))


def reply_data(
    request: DatasetRequest, table: RowTable, stats: DataStats, split: Split | None
) -> dict[str, Any]:
    """Return the numbers of a data set as JSON data.

    `lengths` counts the tokens of each row before cutting, `trained_lengths` the trained ones that
    are left after it; `tokens` and `trained_tokens` are what the model will get. Without a split
    the rows are only the first ones, and `complete` is false.
    """
    held_out = split.held_out if split is not None else ()
    last = request.first + request.shown
    return {
        "rows": len(table),
        "complete": split is not None,
        "held_out": len(held_out),
        "tokens": stats.tokens,
        "trained_tokens": stats.trained_tokens,
        "lengths": list(stats.lengths),
        "trained_lengths": list(stats.trained_lengths),
        "cut_rows": stats.cut_rows,
        "cut_trained_tokens": stats.cut_trained_tokens,
        "empty_rows": stats.empty_rows,
        "suggested_length": stats.length_for(1.0),
        "first": request.first,
        "previews": previews(table.rows[request.first : last]),
        "held_out_previews": previews([table.rows[i] for i in held_out[:HELD_OUT_SHOWN]]),
        "format": table.format,
        "columns": list(table.columns),
        "roles": dict(table.roles),
        "path": table.path,
        "warnings": list(table.warnings),
    }


def previews(rows: Sequence[Conversation]) -> list[list[str]]:
    """Return [question, answer] of each row: what is said up to the last turn, and that turn."""
    return [[_question(row)[:PREVIEW_CHARACTERS], _answer(row)] for row in rows]


def _question(row: Conversation) -> str:
    before = row[:-1]
    if len(before) == 1:
        return before[0].content
    return "\n".join(f"{message.role}: {message.content}" for message in before)


def _answer(row: Conversation) -> str:
    return row[-1].content[:PREVIEW_CHARACTERS]
