"""Loading a data set: find the file, read it, recognise its columns, make conversations."""

from collections.abc import Callable, Mapping
from itertools import chain, islice

from core.data.columns import look_at, require_few
from core.data.conversations import conversation_of
from core.data.readers import Record
from core.data.roles import ColumnRoles, MappingQuestion
from core.data.shapes import recognise
from core.data.source import Source, find_source
from core.data.stored_rows import StoredRows
from core.data.table import Conversation, Message, RowTable
from core.errors import UserError
from core.settings import DataSettings

MOST_WARNINGS = 4
ROWS_AT_ONCE = 1024
"""Rows between two looks at whether anybody still wants them."""


def load_rows(settings: DataSettings, check: Callable[[], None] = lambda: None) -> RowTable:
    """Read all rows of a data set.

    Args:
        settings: Where it is.
        check: Called now and then; what it raises ends the work.

    Raises:
        UserError: As of `Reading`.
    """
    reading = Reading(settings)
    while not reading.complete:
        check()
        reading.read()
    return reading.table


class Reading:
    """A data set that is being read, some rows at a time; what has been read can be looked at.

    Attributes:
        complete: There is nothing more to read.

    Raises:
        UserError: The file cannot be read, its columns cannot be recognised, or a row is wrong;
            the message names the file and the place in it. `read` raises the same.
    """

    def __init__(self, settings: DataSettings) -> None:
        self._source = find_source(settings.path)
        self.complete = False
        self._rows = StoredRows()
        self._mended = 0
        self._late: dict[str, str] = {}
        self._error: UserError | None = None
        self._roles, self._seen = _roles(self._source, settings)
        self._columns: dict[str, None] = {}
        self._records = self._source.records()

    def read(self, count: int = ROWS_AT_ONCE) -> None:
        """Read so many more rows, fewer at the end of the data."""
        if self._error is not None:
            raise self._error
        before = len(self._rows)
        try:
            self._rows.extend(map(self._conversation, islice(self._records, count)))
        except UserError as error:  # a reader that has failed would only say that it is at its end
            self._error = error
            raise
        self.complete = len(self._rows) < before + count

    @property
    def table(self) -> RowTable:
        """What has been read so far."""
        return RowTable(
            rows=self._rows,
            columns=tuple(self._columns),
            roles={name: self._roles.role_of.get(name, "unused") for name in self._columns},
            format=self._roles.format,
            path=str(self._source.path),
            warnings=(*self._roles.warnings, *_warnings(self._mended, self._late)),
        )

    def _add_columns(self, record: Record) -> None:
        place = f"{self._source.name}, {record.place}"
        for name in record.values.keys() - self._seen - self._late.keys():
            self._late[name] = record.place
        self._columns.update(dict.fromkeys(record.values))
        require_few(self._columns, place)
        if not all(map(_is_unicode, record.values)):
            hint = "Give all rows the same columns, named in plain text."
            raise UserError(f"{place}: a column's name is not valid text.", hint)

    def _conversation(self, record: Record) -> Conversation:
        if not record.values.keys() <= self._columns.keys():
            self._add_columns(record)
        row, was_broken = _whole(_conversation(record, self._roles, self._source.name))
        self._mended += was_broken
        return row


def _roles(source: Source, settings: DataSettings) -> tuple[ColumnRoles, frozenset[str]]:
    """Recognise the columns from the first rows, which may be too long to be kept meanwhile.

    Return the roles, and the names of the columns that were looked at.
    """
    records = source.records()
    first = next(records, None)
    if first is None:
        raise UserError(f"{source.name} holds no rows.", "Choose another file.")
    try:
        columns = look_at(chain((first,), records))
    except UserError as error:
        raise UserError(f"{source.name}, {error.message}", error.hint) from None
    place = f"{source.name}, {first.place}"
    try:
        return recognise(columns, settings), frozenset(columns)
    except MappingQuestion as question:
        raise MappingQuestion(f"{place}: {question.message}", question.candidates) from None
    except UserError as error:
        raise UserError(f"{place}: {error.message}", error.hint) from None


def _conversation(record: Record, roles: ColumnRoles, name: str) -> Conversation:
    try:
        return conversation_of(record, roles)
    except UserError as error:
        raise UserError(f"{name}, {error.message}", error.hint) from None


def _whole(row: Conversation) -> tuple[Conversation, bool]:
    """Replace halves of surrogate pairs, which no tokenizer takes; tell whether there were any."""
    if all(_is_unicode(text) for m in row for text in (m.content, *m.extras)):
        return row, False
    return tuple(Message(m.role, *map(_mend, (m.content, *m.extras))) for m in row), True


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _mend(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _warnings(mended: int, late: Mapping[str, str]) -> tuple[str, ...]:
    """Say what was replaced, and which columns came after the roles had been decided."""
    told = []
    if mended:
        rows = "1 row holds" if mended == 1 else f"{mended:,} rows hold"
        told.append(
            f"{rows} broken characters (half of a surrogate pair); they were replaced by �."
        )
    told += (
        f"The column {name!r:.60} first appears at {place} and is not read: put it into the first "
        "rows as well, empty where there is nothing to say."
        for name, place in late.items()
    )
    return tuple(told[:MOST_WARNINGS])
