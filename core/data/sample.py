"""The first rows of a file, for a look at what its columns would mean."""

from dataclasses import dataclass
from itertools import chain

from core.data.columns import Columns, look_at
from core.data.conversations import conversation_of
from core.data.readers import Record
from core.data.roles import ColumnRoles, MappingQuestion
from core.data.shapes import recognise
from core.data.source import Source, find_source
from core.data.table import Conversation
from core.errors import UserError
from core.settings import DataSettings


@dataclass(frozen=True)
class Sample:
    """What the first rows hold.

    Attributes:
        source: Where they come from.
        first: The first row.
        columns: What the columns hold in the first rows.
    """

    source: Source
    first: Record
    columns: Columns

    def words_of(self, column: str) -> str:
        """Return the first value of a column as text, "" for none."""
        samples = self.columns[column].samples if column in self.columns else []
        return " ".join(samples[0].split()) if samples else ""

    def candidates(self) -> tuple[ColumnRoles, ...]:
        """Return what the columns could be, nothing where it is clear or cannot be trained."""
        try:
            recognise(self.columns, DataSettings())
        except MappingQuestion as question:
            return question.candidates
        except UserError:
            return ()
        return ()

    def read(self, settings: DataSettings) -> Conversation:
        """Return the first row as it would be read.

        Raises:
            UserError: The columns are not clear, or hold something else than text.
        """
        return conversation_of(self.first, recognise(self.columns, settings))


def sample_of(path: str) -> Sample | None:
    """Return the first rows of a file, None where it cannot be read."""
    try:
        source = find_source(path)
        records = source.records()
        first = next(records, None)
        if first is None:
            return None
        return Sample(source, first, look_at(chain((first,), records)))
    except UserError:
        return None
