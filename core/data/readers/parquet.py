"""Parquet, read in batches."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from core.data.readers.base import READERS, Record
from core.errors import UserError

BATCH_ROWS = 1024


@READERS.register("parquet")
class Parquet:
    """Parquet."""

    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)

    @staticmethod
    def read(path: Path) -> Iterator[Record]:
        """Yield one record per row."""
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile

        index = 0
        try:
            with ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=BATCH_ROWS):
                    for values in batch.to_pylist():
                        yield Record(f"row {index} (counted from 0)", values)
                        index += 1
        except (ArrowException, OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"{path.name}, after row {index}: not a readable Parquet file.",
                "Copy or download the file again.",
                details=str(error),
            ) from None
