"""Parquet, read in batches."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from core.data.readers.arrow_rows import (
    check_columns,
    records_of,
    unreadable,
)
from core.data.readers.base import READERS, Record

FEWEST_ROWS, MOST_ROWS = 8, 64
"""Unpacked at a time; more would be no faster."""
MOST_UNPACKED = 512 << 20
"""Bytes that the rows may take that are unpacked at a time."""


@READERS.register("parquet")
class Parquet:
    """Parquet."""

    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".pq")
    is_text: ClassVar[bool] = False

    @staticmethod
    def read(path: Path) -> Iterator[Record]:
        """Yield one record per row."""
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile

        index = 0
        try:
            with ParquetFile(path) as file:
                check_columns(file.schema_arrow.names, path)
                for batch in file.iter_batches(batch_size=_batch_rows(file.metadata)):
                    yield from records_of(batch, index, path)
                    index += batch.num_rows
        except (ArrowException, OSError, ValueError) as error:
            raise unreadable(path, "Parquet", index, error) from None


def _batch_rows(metadata: Any) -> int:
    """Return how many rows are unpacked at a time: fewer where they may be long.

    A text that is stored once, in a dictionary, can come back in every row: 90 kB of such a file
    once were 5 GB of rows. Any row may hold as much as a column of its group with a dictionary.
    """
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    columns = [group.column(i) for group in groups for i in range(group.num_columns)]
    longest = max((c.total_uncompressed_size for c in columns if c.has_dictionary_page), default=0)
    return int(min(max(MOST_UNPACKED // max(longest, 1), FEWEST_ROWS), MOST_ROWS))
