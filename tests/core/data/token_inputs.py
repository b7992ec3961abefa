"""Rows, tokenizer and settings of which tokens are made; shared by the tests of the cache."""

from collections.abc import Callable, Generator
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

from core.data import token_cache
from core.data.encode import Encoded, encode_in_batches
from core.data.rows import load_rows
from core.data.table import RowTable
from core.data.token_cache import tokens_of
from core.data.token_fingerprint import fingerprint
from core.events import Progress
from core.settings import DataSettings

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[3]
ROWS = [{"prompt": f"What is {i}? 日本", "response": f"It is {i}. 🙂"} for i in range(300)]


class Made(NamedTuple):
    rows: list[Encoded]
    messages: list[str]


class Inputs(NamedTuple):
    table: RowTable
    tokenizer: Any
    settings: DataSettings

    def expected(self) -> list[Encoded]:
        batches = encode_in_batches(*self, range(len(self.table)))
        return [row for batch in batches for row in batch]

    def made(self, check: Callable[[], None] = lambda: None) -> Made:
        """Return the rows and what was said, whether from the cache or not."""
        events: list[Progress] = []
        rows = yielded(tokens_of(*self, check), events)
        return Made(
            [rows[i] for i in range(len(rows))],
            [event.message for event in events if event.phase == "tokenising"],
        )

    def file(self) -> Path:
        return token_cache.tokens_dir() / f"{self.name()}.arrow"

    def name(self) -> str:
        """Return the fingerprint."""
        return yielded(fingerprint(*self, lambda: None), [])


def yielded(steps: Generator[Progress, None, T], events: list[Progress]) -> T:
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            made: T = end.value
            return made


@pytest.fixture
def inputs(write_rows: Callable[..., Path], tiny_tokenizer: Any) -> Inputs:
    settings = DataSettings(path=str(write_rows(*ROWS)))
    return Inputs(load_rows(settings), deepcopy(tiny_tokenizer), settings)
