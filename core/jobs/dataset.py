"""The job `dataset`: the numbers of the data page, and rows as they will be read."""

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from pydantic import Field

from core.control import Control
from core.data.desk import Cancelled, DataDesk
from core.data.lengths import RowLengths
from core.data.split import Split
from core.data.table import Conversation, RowTable
from core.events import Event, Progress, Reply, RunEnded
from core.jobs.base import JOBS, JobRequest
from core.settings import DataSettings

if TYPE_CHECKING:
    from core.data.token_rows import TokenRows

PREVIEW_CHARACTERS = 2000
HELD_OUT_SHOWN = 6
SECONDS_BETWEEN = 1.0
"""Between two replies with the rows that have been read so far."""


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
        reading, data = self.desk.reading(request.data), request.data
        try:
            yield from self._read(request, control)
            split = yield from self.desk.split(data, request.seed, control)
            repeated = self.desk.repeated(data)
            found = Found(split=split, repeated=0 if repeated is None else int(repeated.sum()))
            if request.source:
                if self.desk.ready(data, request.source) is None:
                    yield Reply(data=reply_data(request, reading.table, found))
                tokens = yield from self.desk.encoded(data, request.source, control)
                marks = landmarks(tokens, data.max_length)
                found = replace(found, lengths=RowLengths.of(tokens), landmarks=marks)
        except Cancelled:
            yield RunEnded(outcome="stopped")
            return
        yield Reply(data=reply_data(request, reading.table, found))

    def _read(self, request: DatasetRequest, control: Control) -> Generator[Event, None, None]:
        """Read all rows; those that are there by then are told at once, then every second."""
        reading, told = self.desk.reading(request.data), -math.inf
        for event in self.desk.read(request.data, control):
            if monotonic() - told > SECONDS_BETWEEN and not reading.complete:
                told = monotonic()
                yield Reply(data=reply_data(request, reading.table, Found()))
            yield event


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is known of the rows by now.

    Attributes:
        split: None before all rows have been read.
        repeated: Rows that say the same as an earlier one.
        lengths: Of all rows as tokens; none before they are made.
        landmarks: The index of the longest row, the shortest and so on, where there is one.
    """

    split: Split | None = None
    repeated: int = 0
    lengths: RowLengths = field(default_factory=RowLengths)
    landmarks: Mapping[str, int] = field(default_factory=dict)


def landmarks(tokens: "TokenRows", limit: int) -> dict[str, int]:
    """Return which rows to look at first, by what they are; the first of equal ones."""
    if not len(tokens):
        return {}
    lost = tokens.trained_lengths() - tokens.trained_lengths(limit)
    found = {"longest": int(tokens.lengths.argmax()), "shortest": int(tokens.lengths.argmin())}
    if lost.any():
        found["most_cut"] = int(lost.argmax())
    if (untrained := tokens.firsts >= limit).any():
        found["untrained"] = int(untrained.argmax())
    return found


def reply_data(request: DatasetRequest, table: RowTable, found: Found) -> dict[str, Any]:
    """Return the numbers of a data set as JSON data.

    `lengths` is what `RowLengths.as_json` returns, empty before the rows are there as tokens;
    `tokens` and `trained_tokens` are what the model will get. Without a split the rows are only
    those that have been read so far, and `complete` is false.
    """
    limit, lengths, split = request.data.max_length, found.lengths, found.split
    held_out = split.held_out if split is not None else ()
    last = request.first + request.shown
    return {
        "rows": len(table),
        "complete": split is not None,
        "held_out": len(held_out),
        "tokens": lengths.left(limit),
        "trained_tokens": lengths.trained(limit),
        "lengths": lengths.as_json() if len(lengths) else {},
        "cut_rows": lengths.cut(limit),
        "cut_trained_tokens": lengths.lost(limit),
        "empty_rows": lengths.untrained(limit),
        "repeated_rows": found.repeated,
        "landmarks": dict(found.landmarks),
        "suggested_length": lengths.tokens.length_for(1.0),
        "first": request.first,
        "previews": previews(table.rows[request.first : last]),
        "held_out_previews": previews([table.rows[i] for i in held_out[:HELD_OUT_SHOWN]]),
        "format": table.format,
        "columns": list(table.columns),
        "roles": dict(table.roles),
        "path": table.path,
        "warnings": list(table.warnings),
    }


def previews(rows: Sequence[Conversation], characters: int = PREVIEW_CHARACTERS) -> list[list[str]]:
    """Return [question, answer] of each row: what is said up to the last turn, and that turn."""
    return [[_question(row)[:characters], row[-1].content[:characters]] for row in rows]


def _question(row: Conversation) -> str:
    before = row[:-1]
    if len(before) == 1:
        return before[0].content
    return "\n".join(f"{message.role}: {message.content}" for message in before)
