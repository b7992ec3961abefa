"""The job `find`: rows that hold a text, or of which something is amiss, a stretch at a time."""

from collections.abc import Callable, Generator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.control import Control
from core.data.desk import DataDesk
from core.data.table import Conversation
from core.events import Event, Reply
from core.jobs.base import JOBS, JobRequest
from core.settings import DataSettings

if TYPE_CHECKING:
    import numpy as np

AT_ONCE = 0.05
"""Seconds that one stretch takes: between two of them other jobs go on."""
MOST_FOUND = 20_000
ROWS_PER_LOOK = 1024

Only = Literal["all", "cut", "untrained", "repeated"]


class FindRequest(JobRequest):
    """What to look for, and from where on.

    Attributes:
        source: The model whose tokens are looked at.
        text: To be found in any turn of a row, in small letters; capitals there do not matter.
        only: Rows that are longer than the limit, that have no trained token left, or that say the
            same as an earlier one.
        start: The first row to look at.
    """

    data: DataSettings
    source: str = ""
    text: str = ""
    only: Only = "all"
    start: int = Field(0, ge=0)


@JOBS.register("find")
class Find:
    """Looks through the rows while others are still being read or tokenised.

    The window asks again from where an answer ends, as long as somebody wants to see more: a search
    through millions of rows is neither waited for nor has it to be stopped.
    """

    Request: type[JobRequest] = FindRequest

    def __init__(self) -> None:
        self.desk = DataDesk()

    def at_once(self, request: FindRequest) -> bool:
        """Return True: it is over soon."""
        return True

    def run(self, request: FindRequest, control: Control) -> Generator[Event, None, None]:
        """Yield one reply {"rows", "next", "more"}: what was found, from where on to look further.

        `more` is false where all rows that have been read were looked at.

        Raises:
            UserError: The data cannot be read.
        """
        rows, chosen = self.desk.reading(request.data).table.rows, self._chooser(request)
        found, looked, end = list[int](), request.start, monotonic() + AT_ONCE
        while looked < len(rows) and len(found) < MOST_FOUND and monotonic() < end:
            some = range(looked, min(looked + ROWS_PER_LOOK, len(rows)))
            found += [row for row in chosen(some) if _holds(rows, row, request.text)]
            looked = some.stop
        yield Reply(data={"rows": found, "next": looked, "more": looked < len(rows)})

    def _chooser(self, request: FindRequest) -> Callable[[range], Sequence[int]]:
        """Return what picks out of some rows those of the wanted kind; none before it is known."""
        if request.only == "all":
            return lambda some: some
        data, limit = request.data, request.data.max_length
        if request.only == "repeated":
            repeated = self.desk.repeated(data)
            return lambda some: [] if repeated is None else _among(repeated, some)
        tokens = self.desk.ready(data, request.source)
        if tokens is None:
            return lambda some: []
        if request.only == "cut":
            return lambda some: _among(tokens.lengths, some, limit + 1)
        return lambda some: _among(tokens.firsts, some, limit)


def _among(numbers: "np.ndarray", some: range, least: int = 1) -> list[int]:
    """Return those of some rows of which the number is at least that."""
    chosen: list[int] = (numbers[some.start : some.stop] >= least).nonzero()[0].tolist()
    return [some.start + place for place in chosen]


def _holds(rows: Sequence[Conversation], row: int, text: str) -> bool:
    """Tell whether a turn of the row holds the text, given in small letters."""
    return not text or any(text in message.content.lower() for message in rows[row])
