"""Loading a data set: find the file, read it, recognise its columns, make conversations."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

from core.data.conversations import conversation_of
from core.data.readers import Record, reader_for
from core.data.roles import ColumnRoles, recognise
from core.data.stored_rows import StoredRows
from core.data.table import Conversation, Message, RowTable
from core.errors import UserError
from core.paths import resources_dir
from core.settings import DataSettings

STARTER = "starter"
ROWS_AT_ONCE = 1024
"""Rows between two looks at whether anybody still wants them."""


def data_file(path: str) -> Path:
    """Return the file that `data.path` means.

    Raises:
        UserError: It does not exist or is a folder.
    """
    if path == STARTER:
        return resources_dir() / "data" / "wordnet_definitions.jsonl"
    file = Path(path).expanduser()
    if file.is_dir():
        raise UserError(f"{file} is a folder.", "Choose one file in it.")
    if not file.is_file():
        raise UserError(f"There is no file {file}.", 'Check data.path; "starter" always works.')
    return file


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
        self._path = data_file(settings.path)
        self.complete = False
        self._rows = StoredRows()
        self._mended = 0
        self._error: UserError | None = None
        with _unreadable(self._path):
            self._records = reader_for(self._path).read(self._path)
            first = next(self._records, None)
        if first is None:
            raise UserError(f"{self._path.name} holds no rows.", "Choose another file.")
        self._roles = recognise(first, settings)
        self._columns: dict[str, None] = {}
        self._records = chain((first,), self._records)

    def read(self, count: int = ROWS_AT_ONCE) -> None:
        """Read so many more rows, fewer at the end of the data."""
        if self._error is not None:
            raise self._error
        before = len(self._rows)
        try:
            with _unreadable(self._path):
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
            path=str(self._path),
            warnings=_warnings(self._mended),
        )

    def _conversation(self, record: Record) -> Conversation:
        self._columns.update(dict.fromkeys(map(str, record.values)))
        row, was_broken = _whole(_conversation(record, self._roles, self._path))
        self._mended += was_broken
        return row


@contextmanager
def _unreadable(path: Path) -> Iterator[None]:
    """Turn what the system says about a file into words."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path} cannot be read: {reason}.", "Check its permissions.") from None


def _conversation(record: Record, roles: ColumnRoles, path: Path) -> Conversation:
    try:
        return conversation_of(record, roles)
    except UserError as error:
        raise UserError(f"{path.name}, {error.message}", error.hint) from None


def _whole(row: Conversation) -> tuple[Conversation, bool]:
    """Replace halves of surrogate pairs, which no tokenizer takes; tell whether there were any."""
    if all(_is_unicode(message.content) for message in row):
        return row, False
    return tuple(Message(message.role, _mend(message.content)) for message in row), True


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _mend(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _warnings(mended: int) -> tuple[str, ...]:
    if not mended:
        return ()
    rows = "1 row holds" if mended == 1 else f"{mended:,} rows hold"
    return (f"{rows} broken characters (half of a surrogate pair); they were replaced by �.",)
