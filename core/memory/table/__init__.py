"""Predict a table of measured runs: every row under the software that it names.

`rows` reads the table, `shapes` makes a model of a row's architecture columns, `programs` says what
the row's software does with memory, `prediction` puts a plan beside each row.
"""

from core.memory.table.prediction import Prediction, predict
from core.memory.table.rows import Row, read_rows

__all__ = ["Prediction", "Row", "predict", "read_rows"]
