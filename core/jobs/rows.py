"""The job `rows`: some rows of a data set, as far as it has been read."""

from collections.abc import Generator

from pydantic import Field

from core.control import Control
from core.data.desk import DataDesk
from core.events import Event, Reply
from core.jobs.base import JOBS, JobRequest
from core.jobs.dataset import previews
from core.settings import DataSettings


class RowsRequest(JobRequest):
    """Which rows of which data.

    Attributes:
        first: Index of the first row to show.
        shown: Number of rows to show.
    """

    data: DataSettings
    first: int = Field(ge=0)
    shown: int = Field(ge=0, le=1000)


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
        """Yield one reply {"first", "previews"}, with fewer rows where no more have been read.

        Raises:
            UserError: The data cannot be read.
        """
        reading = self.desk.reading(request.data)
        if not len(reading.table):
            reading.read()
        rows = reading.table.rows[request.first : request.first + request.shown]
        yield Reply(data={"first": request.first, "previews": previews(rows)})
