"""The questions of a proof, kept in the run folder as tokens.

Whoever proves the adapter again, in another process or much later, needs neither the data, which
may be gigabytes long, nor its place in it.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from core.data.encode import Example
from core.durable import replace_file
from core.run_folder import RunFolder

QUESTIONS = 5
LOOKED_AT = 200
"""Rows that are looked at for so many questions."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """One question.

    Attributes:
        ids: The tokens of a row up to its first answer.
        wanted: Tokens of the row that follow.
    """

    ids: tuple[int, ...]
    wanted: int


def keep_questions(run: RunFolder, rows: Iterable[Example]) -> None:
    """Write the first questions among `rows`; a disk that refuses costs no run."""
    found = islice(_questions(islice(rows, LOOKED_AT)), QUESTIONS)
    content = [{"ids": list(asked.ids), "wanted": asked.wanted} for asked in found]
    try:
        replace_file(run.questions_file, json.dumps(content).encode())
    except OSError:
        logger.exception("the questions of the proof could not be kept")


def kept_questions(run: RunFolder) -> list[Asked]:
    """Return what `keep_questions` wrote; none where there is nothing."""
    try:
        content = json.loads(run.questions_file.read_bytes())
        return [Asked(tuple(item["ids"]), int(item["wanted"])) for item in content]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _questions(rows: Iterable[Example]) -> Iterator[Asked]:
    """Yield the rows that begin with a question; plain text is learned from the first token on."""
    for row in rows:
        first = row.trained.index(True)
        if first > 1:
            yield Asked(row.ids[:first], len(row.ids) - first)
