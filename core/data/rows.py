"""Loading a data set: find the file, read it, recognise its columns, make conversations."""

from collections.abc import Iterator
from pathlib import Path

from core.data.conversations import conversation_of
from core.data.readers import Record, reader_for
from core.data.roles import ColumnRoles, recognise
from core.data.table import Conversation, Message, RowTable
from core.errors import UserError
from core.paths import resources_dir
from core.settings import DataSettings

STARTER = "starter"


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


def load_rows(settings: DataSettings) -> RowTable:
    """Read all rows of a data set.

    Raises:
        UserError: The file cannot be read, its columns cannot be recognised, or a row is wrong;
            the message names the file and the place in it.
    """
    path = data_file(settings.path)
    try:
        return _load(path, settings)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path} cannot be read: {reason}.", "Check its permissions.") from None


def _load(path: Path, settings: DataSettings) -> RowTable:
    records = reader_for(path).read(path)
    first = next(records, None)
    if first is None:
        raise UserError(f"{path.name} holds no rows.", "Choose another file.")
    roles = recognise(first, settings)
    columns = {str(name): None for name in first.values}
    rows: list[Conversation] = []
    mended = 0
    for record in _chain(first, records):
        columns.update(dict.fromkeys(map(str, record.values)))
        row, was_broken = _whole(_conversation(record, roles, path))
        rows.append(row)
        mended += was_broken
    return RowTable(
        rows=tuple(rows),
        columns=tuple(columns),
        roles={name: roles.role_of.get(name, "unused") for name in columns},
        format=roles.format,
        path=str(path),
        warnings=_warnings(mended),
    )


def _chain(first: Record, others: Iterator[Record]) -> Iterator[Record]:
    yield first
    yield from others


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
