"""Arrow: files and streams, as `datasets` saves them and as Feather files are; mapped."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from core.data.readers.arrow_rows import check_columns, records_of, unreadable
from core.data.readers.base import READERS, Record, broken

FILE, OLD_FEATHER = b"ARROW1", b"FEA1"
"""How a file begins; a stream has no beginning of its own."""


@READERS.register("arrow")
class Arrow:
    """Arrow."""

    suffixes: ClassVar[tuple[str, ...]] = (".arrow", ".feather")
    is_text: ClassVar[bool] = False

    @staticmethod
    def read(path: Path) -> Iterator[Record]:
        """Yield one record per row."""
        import pyarrow

        index = 0
        try:
            with pyarrow.memory_map(str(path)) as file:
                start = file.read(len(FILE))
                file.seek(0)
                if start.startswith(OLD_FEATHER):
                    hint = "Save it again as Feather version 2 or Parquet."
                    raise broken(path, "row 0", "this is Feather version 1", hint)
                if not start:
                    return
                open_batches = _batches_of_file if start == FILE else _batches_of_stream
                for batch in open_batches(file, path):
                    yield from records_of(batch, index, path)
                    index += batch.num_rows
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise unreadable(path, "Arrow", index, error) from None


def _batches_of_file(file: Any, path: Path) -> Iterator[Any]:
    from pyarrow import ipc

    reader = ipc.open_file(file)
    check_columns(reader.schema.names, path)
    for number in range(reader.num_record_batches):
        yield reader.get_batch(number)


def _batches_of_stream(file: Any, path: Path) -> Iterator[Any]:
    from pyarrow import ipc

    reader = ipc.open_stream(file)
    check_columns(reader.schema.names, path)
    yield from reader
