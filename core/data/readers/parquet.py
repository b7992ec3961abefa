"""Parquet, read in batches."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from core.data.readers.arrow_rows import (
    BATCH_ROWS,
    LARGEST_BATCH,
    check_columns,
    records_of,
    unreadable,
)
from core.data.readers.base import READERS, Record


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
    """Return how many rows are unpacked at a time: fewer where they are long."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    longest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=1)
    return int(min(max(LARGEST_BATCH / max(longest, 1), 1), BATCH_ROWS))
