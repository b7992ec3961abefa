"""The job `tokens`: the token inspector."""

from collections.abc import Generator
from typing import Any

from core.control import Control
from core.data.desk import DataDesk
from core.data.encode import Encoder
from core.data.table import Conversation
from core.errors import UserError
from core.events import Event, Reply
from core.jobs.base import JOBS, JobRequest
from core.settings import DataSettings


class TokensRequest(JobRequest):
    """Which row of which data, for which model; `row` counts from 0."""

    data: DataSettings
    source: str
    row: int = 0


@JOBS.register("tokens")
class Tokens:
    """Shows one row as the model gets it."""

    Request: type[JobRequest] = TokensRequest

    def __init__(self) -> None:
        self.desk = DataDesk()

    def at_once(self, request: TokensRequest) -> bool:
        """Tell whether row and tokenizer are there."""
        read = len(self.desk.reading(request.data).table)
        return request.row < read and self.desk.has_tokenizer(request.source)

    def run(self, request: TokensRequest, control: Control) -> Generator[Event, None, None]:
        """Yield progress while the model is prepared, then one reply {"row", "tokens", "asked"}.

        Raises:
            UserError: There is no such row, or data or tokenizer cannot be read.
        """
        reading = self.desk.reading(request.data)
        while len(reading.table) <= max(request.row, 0) and not reading.complete:
            reading.read()
        table = reading.table
        if not 0 <= request.row < len(table):
            message = f"There is no row {request.row}."
            raise UserError(message, f"Rows are counted from 0 to {len(table) - 1}.")
        tokenizer = yield from self.desk.tokenizer(request.source, control)
        encoder = Encoder(tokenizer, request.data)
        encoded, texts = encoder.inspect(request.row, table.rows[request.row])
        tokens = [
            {
                "id": token,
                "text": text,
                "state": _state(trained, i >= request.data.max_length),
                "special": token in encoder.special_ids,
            }
            for i, (token, trained, text) in enumerate(
                zip(encoded.ids, encoded.trained, texts, strict=True)
            )
        ]
        asked = _asked(table.rows[request.row], tokenizer, encoder.special_ids)
        data: dict[str, Any] = {"row": request.row, "tokens": tokens, "asked": asked}
        yield Reply(data=data)


def _asked(
    row: Conversation, tokenizer: Any, special: frozenset[int]
) -> list[dict[str, Any]] | None:
    """Return the tokens after which the model gives the last answer of a row, when it is used.

    None where there is no answer to ask for, or the template shows none.
    """
    from core.chat.prompt import prompt_ids

    last = max((i for i, turn in enumerate(row) if turn.role == "assistant"), default=0)
    if not last:
        return None
    try:
        ids = prompt_ids(row[:last], tokenizer)[0].tolist()
    except UserError:
        return None
    texts = tokenizer.batch_decode([[token] for token in ids])
    return [
        {"id": token, "text": text, "state": "asked", "special": token in special}
        for token, text in zip(ids, texts, strict=True)
    ]


def _state(trained: bool, is_cut: bool) -> str:
    if is_cut:
        return "cut"
    return "trained" if trained else "masked"
