"""Keeps what the jobs about data need again and again: tokenizers, rows, and rows as tokens."""

from array import array
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.control import Control
from core.data.rows import ROWS_AT_ONCE, Reading
from core.data.source import find_source
from core.data.split import Split, content_hash, repeated, split_by
from core.data.table import RowTable
from core.events import Progress
from core.settings import DataSettings

if TYPE_CHECKING:
    import numpy as np

    from core.data.token_rows import TokenRows

MOST_COMPARED = 50_000
"""Rows up to which all are compared with each other; of more, so many from the beginning."""

_FileKey = tuple[tuple[tuple[str, int, int], ...], tuple[str, str, str]]
_EncodedKey = tuple[_FileKey, str, str, bool]


class Cancelled(Exception):
    """The job was asked to end."""


class DataDesk:
    """One tokenizer, one table and its tokens, the ones used last; worker only.

    The keys hold size and time of the files, so that an edited one is read again. Rows are kept
    uncut: a new maximal length costs no new tokenisation.
    """

    def __init__(self) -> None:
        self._tokenizers: dict[str, Any] = {}
        self._readings: dict[_FileKey, Reading] = {}
        self._near: dict[_FileKey, dict[int, int]] = {}
        self._hashes: dict[tuple[_FileKey, int], array[int]] = {}
        self._repeated: dict[_FileKey, np.ndarray] = {}
        self._encoded: dict[_EncodedKey, TokenRows] = {}

    def reading(self, data: DataSettings) -> Reading:
        """Return the rows, as far as they have been read.

        Raises:
            UserError: They cannot be read.
        """
        key = _file_key(data)
        if key not in self._readings:
            self._readings = {key: Reading(data)}
        return self._readings[key]

    def table(self, data: DataSettings, control: Control) -> Generator[Progress, None, RowTable]:
        """Return all rows.

        Raises:
            UserError: They cannot be read.
            Cancelled: A stop was asked for.
        """
        yield from self.read(data, control)
        return self.reading(data).table

    def read(self, data: DataSettings, control: Control) -> Generator[Progress, None, None]:
        """Read all rows, and tell how many there are by then.

        Raises:
            UserError: They cannot be read.
            Cancelled: A stop was asked for.
        """
        reading = self.reading(data)
        while not reading.complete:
            _require_no_request(control)
            reading.read()
            yield Progress(
                phase="loading", message=f"Reading the data: {len(reading.table):,} rows"
            )

    def split(
        self, data: DataSettings, seed: int, control: Control
    ) -> Generator[Progress, None, Split]:
        """Return which rows are held out (`core.data.split.split_rows`).

        Raises:
            UserError: The rows cannot be read.
            Cancelled: A stop was asked for.
        """
        table = yield from self.table(data, control)
        key = (_file_key(data), seed)
        if key not in self._hashes:
            hashes = array("Q")
            for row in table.rows:
                if len(hashes) % ROWS_AT_ONCE == 0:
                    _require_no_request(control)
                    message = "Choosing the rows to hold out"
                    yield Progress(phase="loading", message=message, share=len(hashes) / len(table))
                hashes.append(content_hash(row, seed))
            self._hashes = {key: hashes}
        return split_by(self._hashes[key], len(table), data)

    def repeated(self, data: DataSettings) -> "np.ndarray | None":
        """Return for each row whether it says the same as an earlier one; None before a split."""
        key = _file_key(data)
        if key not in self._repeated:
            hashes = next((found for (of, _), found in self._hashes.items() if of == key), None)
            if hashes is None:
                return None
            self._repeated = {key: repeated(hashes)}
        return self._repeated[key]

    def near_duplicates(
        self, data: DataSettings, control: Control
    ) -> Generator[Progress, None, dict[int, int]]:
        """Return for each row that nearly repeats an earlier one the first such row.

        Raises:
            UserError: The rows cannot be read.
            Cancelled: A stop was asked for.
        """
        from core.data.near_duplicates import NearDuplicates  # brings NumPy

        table, key = (yield from self.table(data, control)), _file_key(data)
        if key not in self._near:
            found, compared = NearDuplicates(), min(len(table), MOST_COMPARED)
            for index in range(compared):
                if index % 256 == 0:
                    _require_no_request(control)
                    message = "Looking for rows that nearly repeat others"
                    yield Progress(phase="comparing", message=message, share=index / compared)
                found.add(index, table.rows[index])
            self._near = {key: found.first_of}
        return self._near[key]

    def has_tokenizer(self, source: str) -> bool:
        """Tell whether the tokenizer of a model is there already."""
        return source in self._tokenizers

    def tokenizer(self, source: str, control: Control) -> Generator[Progress, None, Any]:
        """Return the tokenizer of a model, which is converted or downloaded where necessary.

        Raises:
            UserError: There is no such model, or its tokenizer is broken.
        """
        if source not in self._tokenizers:
            from core.models.load import load_tokenizer
            from core.models.prepare import prepare

            folder: Path = yield from prepare(source, control)
            self._tokenizers = {source: load_tokenizer(folder)}
        return self._tokenizers[source]

    def ready(self, data: DataSettings, source: str) -> "TokenRows | None":
        """Return the rows as tokens if they are there already."""
        return self._encoded.get(_encoded_key(data, source))

    def encoded(
        self, data: DataSettings, source: str, control: Control
    ) -> Generator[Progress, None, "TokenRows"]:
        """Return all rows as tokens, uncut.

        Raises:
            UserError: Rows, model or tokenizer cannot be read, or a row cannot be rendered.
            Cancelled: A stop was asked for.
        """
        key = _encoded_key(data, source)
        if key not in self._encoded:
            table = yield from self.table(data, control)
            tokenizer = yield from self.tokenizer(source, control)
            from core.data.token_cache import tokens_of

            check = partial(_require_no_request, control)
            self._encoded = {key: (yield from tokens_of(table, tokenizer, data, check))}
        return self._encoded[key]


def _require_no_request(control: Control) -> None:
    if control.request:
        raise Cancelled


def _encoded_key(data: DataSettings, source: str) -> _EncodedKey:
    return _file_key(data), source, data.train_on, data.fold_turns


def _file_key(data: DataSettings) -> _FileKey:
    columns = data.prompt_column, data.answer_column, data.template
    return find_source(data.path).identity(), columns
