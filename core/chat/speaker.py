"""A loaded model that answers as itself or as its adapter taught it, token by token."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from core.chat.prompt import prompt_ids
from core.control import Control
from core.data.table import Conversation
from core.events import Answer

_HALF_CHARACTER = "\ufffd"  # what the bytes of an unfinished character decode to


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the next token is chosen.

    Attributes:
        temperature: 0 takes the likeliest token; higher values flatten the distribution.
        max_tokens: Longest answer.
        seed: Fixes what is drawn where the temperature is above 0.
    """

    temperature: float = 0.0
    max_tokens: int = 200
    seed: int = 7


class Speaker:
    """A base model, with or without an adapter, and its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any, *, has_adapter: bool) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._has_adapter = has_adapter
        self._stop_ids = stop_ids(model, tokenizer)

    def answer(
        self, messages: Conversation, side: str, sampling: Sampling, control: Control
    ) -> Generator[Answer, None, None]:
        """Yield the answer piece by piece; the last piece says why it ended.

        Args:
            messages: The conversation, ending with a question.
            side: "base" or "adapter".
            sampling: How tokens are chosen.
            control: Looked at after every token.
        """
        started = time.perf_counter()
        ids: list[int] = []
        shown, stop = 0, "length"
        for token in self._tokens(messages, side, sampling):
            if token in self._stop_ids:
                stop = "end"
                break
            ids.append(token)
            text = self._tokenizer.decode(ids, skip_special_tokens=True)
            speed = len(ids) / (time.perf_counter() - started)
            if not text.endswith(_HALF_CHARACTER):
                yield _piece(side, text[shown:], len(ids), speed)
                shown = len(text)
            if control.request:
                stop = "asked"
                break
            if len(ids) == sampling.max_tokens:
                break
        text = self._tokenizer.decode(ids, skip_special_tokens=True)
        speed = len(ids) / (time.perf_counter() - started)
        yield _piece(side, text[shown:], len(ids), speed, stop)

    def _tokens(self, messages: Conversation, side: str, sampling: Sampling) -> Iterator[int]:
        """Yield one token after the other, for ever; no mode of torch is on while it waits."""
        feed = prompt_ids(messages, self._tokenizer).to(self._model.device)
        draws = torch.Generator().manual_seed(sampling.seed)
        cache = None
        while True:
            with self._speaking_as(side):
                output = self._model(input_ids=feed, past_key_values=cache, use_cache=True)
            cache = output.past_key_values
            token = _choose(output.logits[0, -1].float().cpu(), sampling.temperature, draws)
            yield token
            feed = torch.tensor([[token]], device=self._model.device)

    @contextmanager
    def _speaking_as(self, side: str) -> Iterator[None]:
        with torch.no_grad():
            if side == "base" and self._has_adapter:
                with self._model.disable_adapter():
                    yield
            else:
                yield


def _choose(logits: torch.Tensor, temperature: float, draws: torch.Generator) -> int:
    if temperature == 0.0:
        return int(logits.argmax())
    shares = torch.softmax(logits / temperature, dim=-1)
    return int(torch.multinomial(shares, 1, generator=draws))


def stop_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return all tokens that end an answer: the generation config may name several."""
    stated = model.generation_config.eos_token_id if model.generation_config else None
    ids = stated if isinstance(stated, list) else [stated]
    return frozenset(i for i in (*ids, tokenizer.eos_token_id) if i is not None)


def _piece(side: str, text: str, tokens: int, speed: float, stop: str = "") -> Answer:
    return Answer(speaker=side, text=text, tokens=tokens, tokens_per_second=speed, stop=stop)
