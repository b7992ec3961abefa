"""A name for rows as tokens: equal where, and only where, all that decides over the tokens is.

It is taken from what is in memory, not from files: an edit between the reading of a file and its
fingerprint would file the old tokens under the new name. The rows stand for the data file, its
columns and the code that reads it; the loaded tokenizer stands for its files. So a copy of the
file, or a column named that would be recognised anyway, needs no new tokens; nor does a new maximal
length, since rows are kept uncut.
"""

import json
from collections.abc import Callable, Generator, Iterator
from datetime import date
from hashlib import sha256
from importlib.metadata import version
from typing import Any

from core.data.encode import ENCODING, special_ids
from core.data.table import RowTable
from core.events import Progress
from core.settings import DataSettings

_PACKAGES = ("tokenizers", "transformers", "jinja2")
_ROWS_AT_ONCE = 1024


def fingerprint(
    table: RowTable, tokenizer: Any, settings: DataSettings, check: Callable[[], None]
) -> Generator[Progress, None, str]:
    """Return 64 hex digits for what `encode_in_batches` would make of all rows.

    `check` is called now and then; what it raises ends the work.
    """
    digest = sha256()
    for piece in _pieces(table, tokenizer, settings):
        check()
        yield Progress(phase="loading", message="Looking for the tokens in the cache")
        digest.update(sha256(piece.encode()).digest())
    return digest.hexdigest()


def _pieces(table: RowTable, tokenizer: Any, settings: DataSettings) -> Iterator[str]:
    decided = [settings.train_on, settings.fold_turns]
    yield json.dumps([ENCODING, [[name, version(name)] for name in _PACKAGES], decided])
    yield from _about_tokenizer(tokenizer)
    for start in range(0, len(table), _ROWS_AT_ONCE):
        rows = table.rows[start : start + _ROWS_AT_ONCE]
        yield json.dumps([[[m.role, m.content, *m.extras] for m in row] for row in rows])


def _about_tokenizer(tokenizer: Any) -> Iterator[str]:
    """Yield what `Encoder` and `render` ask of a tokenizer.

    How it pads and truncates is left out: neither happens here, and using it changes both.
    """
    template = json.dumps(tokenizer.chat_template)
    yield template
    yield date.today().isoformat() if "strftime_now" in template else ""  # the text has the date
    yield json.dumps([type(tokenizer).__name__, tokenizer.split_special_tokens])
    yield json.dumps(tokenizer.special_tokens_map, default=str)
    yield json.dumps(sorted(special_ids(tokenizer)))
    if tokenizer.is_fast:
        content = json.loads(tokenizer.backend_tokenizer.to_str())
        yield json.dumps(content | {"padding": None, "truncation": None})
