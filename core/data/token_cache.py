"""Rows become tokens once: what one job has made, the next one finds, the run itself included.

A file of the cache is an Arrow file with one record batch, named after the fingerprint of its
content's origin. It is mapped into memory, never changed, only replaced or removed, and believed
only if the checksum of its columns is right. Whatever is wrong with file or disk costs time, never
a run.
"""

import logging
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from core.data.encode import encode_in_batches
from core.data.table import RowTable
from core.data.token_fingerprint import fingerprint
from core.data.token_rows import SCHEMA, TokenRows, TokenRowsBuilder
from core.durable import replacing
from core.events import Progress
from core.paths import tokens_dir
from core.settings import DataSettings

LARGEST = 2 << 30
"""Bytes that all files together may take; beyond, those go that were not used for the longest."""

_NAME, _CHECKSUM = b"fingerprint", b"sha256"  # keys in the metadata of a file

logger = logging.getLogger(__name__)


def tokens_of(
    table: RowTable, tokenizer: Any, settings: DataSettings, check: Callable[[], None]
) -> Generator[Progress, None, TokenRows]:
    """Return all rows as tokens, from the cache if they are there, else made and kept there.

    Args:
        table: The rows.
        tokenizer: That of the model.
        settings: What is trained on; the maximal length does not matter.
        check: Called before each batch of rows; what it raises ends the work.

    Raises:
        UserError: As of `Encoder.encode`, with the number of the row.
    """
    name = yield from fingerprint(table, tokenizer, settings, check)
    found = load(name)
    if found is not None:
        yield Progress(phase="tokenising", message="Tokens from the cache", share=1.0)
        return found
    made = TokenRowsBuilder()
    for batch in encode_in_batches(table, tokenizer, settings, range(len(table))):
        check()
        made.add(batch)
        share = len(made) / len(table)
        yield Progress(phase="tokenising", message="Making tokens", share=share)
    return keep(name, made.build())


def load(name: str) -> TokenRows | None:
    """Return the rows of that fingerprint, None if they are not there or not as they were made."""
    path = _file(name)
    try:
        with pa.memory_map(str(path)) as file:
            rows = _believed(pa.ipc.open_file(file), name)
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException) as error:
        logger.warning("tokens are made anew: %s: %s", path, error)
        return None
    with suppress(OSError):  # a cache that can only be read serves as well
        os.utime(path)  # for `_make_room`
    return rows


def keep(name: str, rows: TokenRows) -> TokenRows:
    """Write the rows and return them as they lie in the file, so that their memory can be freed.

    Without a file, because the disk is full or refuses, they are returned as they came.
    """
    path = _file(name)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if 2 * rows.batch.nbytes > shutil.disk_usage(path.parent).free:
            logger.warning("tokens are not kept: too little room for %s", path)
            return rows
        with replacing(path) as unfinished:
            _write(unfinished, name, rows)
        _make_room(path)
    except (OSError, pa.ArrowException) as error:
        logger.warning("tokens are not kept: %s: %s", path, error)
    return load(name) or rows


def _write(path: Path, name: str, rows: TokenRows) -> None:
    metadata = {_NAME: name, _CHECKSUM: _checksum(rows)}
    batch = rows.batch.replace_schema_metadata(metadata)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)


def _believed(reader: Any, name: str) -> TokenRows:
    """Return the rows of a file.

    Raises:
        pa.ArrowInvalid: It is not the file that was written under that name.
    """
    if not reader.schema.equals(SCHEMA) or reader.num_record_batches != 1:
        raise pa.ArrowInvalid("its columns are those of another program")
    batch = reader.get_batch(0)
    batch.validate()  # that no length leads out of the file
    rows, metadata = TokenRows(batch), reader.schema.metadata or {}
    if (metadata.get(_NAME), metadata.get(_CHECKSUM)) != (name.encode(), _checksum(rows).encode()):
        raise pa.ArrowInvalid("its content is not what was written")
    return rows


def _checksum(rows: TokenRows) -> str:
    digest = sha256()
    for numbers in rows.numbers():
        digest.update(f"{numbers.dtype.str}{len(numbers)}:".encode())
        digest.update(numbers.data)
    return digest.hexdigest()


def _make_room(newest: Path) -> None:
    """Remove the files that were not used for the longest; the newest stays, however large."""
    total = newest.stat().st_size
    others = [use for use in _uses(newest.parent) if use[-1] != newest]
    for _, size, path in sorted(others, reverse=True):
        total += size
        if total > LARGEST:
            path.unlink(missing_ok=True)


def _uses(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """Yield (time of the last use, bytes, file) of all files."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process renames and removes as well
            status = path.stat()
            yield status.st_mtime_ns, status.st_size, path


def _file(name: str) -> Path:
    return tokens_dir() / f"{name}.arrow"
