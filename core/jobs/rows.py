"""The job `rows`: some rows of a data set, as far as it has been read."""

from collections.abc import Generator

from pydantic import Field

from core.control import Control
from core.data.desk import DataDesk
from core.events import Event, Reply
from core.jobs.base import JOBS, JobRequest
from core.jobs.dataset import previews
from core.settings import DataSettings

LINE_CHARACTERS = 400
"""Of question and answer, in a list: a line of it shows fewer."""


class RowsRequest(JobRequest):
    """Which rows of which data.

    Attributes:
        source: The model whose tokens are counted, if they are there.
        rows: Their indices.
    """

    data: DataSettings
    source: str = ""
    rows: tuple[int, ...] = Field(max_length=1000)


@JOBS.register("rows")
class Rows:
    """Shows rows while others are still being read or tokenised."""

    Request: type[JobRequest] = RowsRequest

    def __init__(self) -> None:
        self.desk = DataDesk()

    def at_once(self, request: RowsRequest) -> bool:
        """Return True: what has not been read is not waited for."""
        return True

    def run(self, request: RowsRequest, control: Control) -> Generator[Event, None, None]:
        """Yield one reply {"rows", "previews", "lengths"} with those that have been read.

        Raises:
            UserError: The data cannot be read.
        """
        reading = self.desk.reading(request.data)
        if not len(reading.table):
            reading.read()
        numbers = [row for row in request.rows if 0 <= row < len(reading.table)]
        found = previews([reading.table.rows[row] for row in numbers], LINE_CHARACTERS)
        tokens = self.desk.ready(request.data, request.source)
        lengths = [] if tokens is None else tokens.lengths[numbers].tolist()
        yield Reply(data={"rows": numbers, "previews": found, "lengths": lengths})
