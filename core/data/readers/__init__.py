"""Readers of data files, one file per format, found by walking this folder."""

from core.data.readers.base import READERS, Reader, Record, reader_for, said, shown
from core.registry import import_siblings

__all__ = ["READERS", "Reader", "Record", "reader_for", "said", "shown"]

import_siblings(__name__)
