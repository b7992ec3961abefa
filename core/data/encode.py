"""From text to tokens, and which of them are trained.

One tokenisation of the whole text with character offsets: tokenising question and answer apart
would invent a token boundary that the model never sees when it answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from core.data.folding import folded
from core.data.render import Rendered, Span, render
from core.data.table import Conversation, RowTable
from core.errors import UserError
from core.settings import DataSettings

Offset = tuple[int, int]
"""First character of a token and the one behind its last."""

ENCODING = 2
"""Raised by every change that gives a row other tokens or another mask: it names cached ones."""

BATCH_ROWS = 128
"""Rows per call of the tokenizer: enough to be fast, few enough to be interrupted."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One row as the model gets it.

    Attributes:
        ids: Token ids.
        trained: Whether a token gives a loss. Never the first: nothing precedes it.
        cut: Number of tokens beyond the limit, which are no longer in `ids`.
        cut_trained: How many of those would have been trained.
        row: Index in the table.
        answers: Number of answers.
        unlocated: Answers that could not be found in the rendered text, so they are not trained.
        open_ends: Answers of which the end of the turn is not trained: the template has no token
            for it, and none could be added.
        cut_ends: Answers of which the end of the turn was cut.
    """

    ids: tuple[int, ...]
    trained: tuple[bool, ...]
    row: int
    cut: int = 0
    cut_trained: int = 0
    answers: int = 0
    unlocated: int = 0
    open_ends: int = 0
    cut_ends: int = 0

    @property
    def trained_tokens(self) -> int:
        """Number of tokens that give a loss."""
        return sum(self.trained)


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A row with all its tokens, before anything is cut.

    Attributes:
        ids: Token ids.
        trained: Whether a token is to be trained.
        ends: Position of the last trained token of each located answer, -1 for an open end.
        answers: Number of answers.
        unlocated: Answers that could not be found.
    """

    ids: tuple[int, ...]
    trained: tuple[bool, ...]
    ends: tuple[int, ...]
    answers: int
    unlocated: int

    def cut_to(self, max_length: int, row: int) -> Example:
        """Return the first `max_length` tokens as an example."""
        return Example(
            ids=self.ids[:max_length],
            trained=self.trained[:max_length],
            row=row,
            cut=max(0, len(self.ids) - max_length),
            cut_trained=sum(self.trained[max_length:]),
            answers=self.answers,
            unlocated=self.unlocated,
            open_ends=sum(end < 0 for end in self.ends),
            cut_ends=sum(end >= max_length for end in self.ends),
        )


class Encoder:
    """Turns conversations into tokens with one tokenizer."""

    def __init__(self, tokenizer: Any, settings: DataSettings) -> None:
        self._tokenizer = tokenizer
        self._everything = settings.train_on == "everything"
        self._folds = settings.fold_turns
        self.special_ids = special_ids(tokenizer)

    def encode(self, rows: Mapping[int, Conversation]) -> list[Encoded]:
        """Encode some rows, named by their index in the table, in one go.

        Raises:
            UserError: A template refuses a row, or the tokenizer reports no character positions.
        """
        rendered = [self._render(index, row) for index, row in rows.items()]
        tokens = self._tokens(rendered)
        return [self._mask(*item) for item in zip(rendered, *tokens, strict=True)]

    def inspect(self, row: int, messages: Conversation) -> tuple[Encoded, list[str]]:
        """Encode one row and return the text of each of its tokens as well.

        The texts join to the whole row: a token that holds only a further byte of a character
        has an empty one, and a token that stands for no text has its name.
        """
        rendered = self._render(row, messages)
        ids, offsets = self._tokens([rendered])
        encoded = self._mask(rendered, ids[0], offsets[0])
        names = self._tokenizer.convert_ids_to_tokens(list(encoded.ids))
        texts = []
        done = 0
        for i, name in enumerate(names):
            last = offsets[0][i][1] if i < len(offsets[0]) else done
            is_unwritten = last <= done and encoded.ids[i] in self.special_ids
            texts.append(name if is_unwritten else rendered.text[done:last])
            done = max(done, last)
        return encoded, texts

    def _render(self, index: int, row: Conversation) -> Rendered:
        try:
            return render(folded(row) if self._folds else row, self._tokenizer)
        except UserError as error:
            message = f"Row {index} (counted from 0): {error.message}"
            raise UserError(message, error.hint) from None

    def _tokens(self, rendered: Sequence[Rendered]) -> tuple[list[list[int]], list[list[Offset]]]:
        try:
            output = self._tokenizer(
                [item.text for item in rendered],
                add_special_tokens=rendered[0].add_special_tokens,
                return_offsets_mapping=True,
                return_attention_mask=False,
                verbose=False,
            )
        except NotImplementedError:
            raise UserError(
                "The tokenizer of this model does not report character positions.",
                "Choose a model that comes with a tokenizer.json.",
            ) from None
        return output["input_ids"], output["offset_mapping"]

    def _mask(self, rendered: Rendered, ids: list[int], offsets: list[Offset]) -> Encoded:
        """Mark the tokens of all answers; close the last one where its template does not."""
        trained = [False] * len(ids)
        ends = []
        for span in filter(None, rendered.answers):
            inside = self._answer_tokens(rendered.text, ids, offsets, span)
            for position in inside:
                trained[position] = True
            closed = inside and ids[inside[-1]] in self.special_ids
            ends.append(inside[-1] if closed else -1)
        if self._ends_open(rendered, ends):
            ends[-1] = len(ids)
            ids = [*ids, self._tokenizer.eos_token_id]
            trained.append(True)
        if self._everything:
            trained = [True] * len(ids)
        return Encoded(
            ids=tuple(ids),
            trained=(False, *trained[1:]) if ids else (),
            ends=tuple(ends),
            answers=len(rendered.answers),
            unlocated=rendered.answers.count(None),
        )

    def _ends_open(self, rendered: Rendered, ends: list[int]) -> bool:
        """Tell whether the text ends with an answer that an end-of-sequence token can close."""
        last = rendered.answers[-1] if rendered.answers else None
        if last is None or self._tokenizer.eos_token_id is None:
            return False
        return last.end == len(rendered.text) and ends[-1] < 0

    def _answer_tokens(
        self, text: str, ids: list[int], offsets: list[Offset], span: Span
    ) -> list[int]:
        """Return the positions of the tokens of an answer, up to its end-of-turn token."""
        inside = [p for p, token in enumerate(offsets) if _belongs(text, token, span.start)]
        if span.end is None:
            special = next((i for i, p in enumerate(inside) if ids[p] in self.special_ids), -1)
            return inside[: special + 1]
        inside = [p for p in inside if offsets[p][0] < span.end]
        while inside and self._trails(text[: span.end], offsets[inside[-1]], ids[inside[-1]]):
            inside.pop()
        return inside

    def _trails(self, text: str, token: Offset, token_id: int) -> bool:
        """Tell whether a token is only the line break after the end of a turn."""
        return token_id not in self.special_ids and not text[slice(*token)].strip()


def _belongs(text: str, token: Offset, start: int) -> bool:
    """Tell whether a token belongs to an answer that begins at `start`, or to what follows it.

    One that crosses the start does if it only takes a space along: "▁Yes" after "[/INST] ".
    """
    first, last = token
    if first >= start or last <= start:
        return last > start
    return text[first:start].isspace() and not text[start:last].isspace()


def special_ids(tokenizer: Any) -> frozenset[int]:
    """Return the ids of all special tokens, those without a name of their own included."""
    added = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    return frozenset(added | set(tokenizer.all_special_ids))


def encode(messages: Conversation, tokenizer: Any, settings: DataSettings, row: int = 0) -> Example:
    """Encode one conversation and cut it at `settings.max_length`."""
    encoded = Encoder(tokenizer, settings).encode({row: messages})[0]
    return encoded.cut_to(settings.max_length, row)


def encode_rows(
    table: RowTable, tokenizer: Any, settings: DataSettings, rows: Sequence[int] | None = None
) -> list[Example]:
    """Encode all rows of a table, or those with the given indices, and cut them.

    Raises:
        UserError: As of `Encoder.encode`, with the number of the row.
    """
    chosen = range(len(table)) if rows is None else rows
    batches = encode_in_batches(table, tokenizer, settings, chosen)
    whole = chain.from_iterable(batches)
    return [e.cut_to(settings.max_length, i) for i, e in zip(chosen, whole, strict=True)]


def encode_in_batches(
    table: RowTable, tokenizer: Any, settings: DataSettings, rows: Sequence[int]
) -> Iterator[list[Encoded]]:
    """Yield the uncut rows, some at a time, so that the caller can report progress or stop."""
    encoder = Encoder(tokenizer, settings)
    for start in range(0, len(rows), BATCH_ROWS):
        yield encoder.encode({i: table.rows[i] for i in rows[start : start + BATCH_ROWS]})
