"""The job `chat`: asks the base model and its adapter the same question, streamed."""

from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.control import Control
from core.data.table import Message
from core.errors import UserError
from core.events import Answer, Event
from core.jobs.base import JOBS, JobRequest
from core.settings import ModelSettings

if TYPE_CHECKING:
    from core.chat.speaker import Speaker

Side = Literal["base", "adapter"]


class ChatMessage(BaseModel):
    """One turn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: str
    content: str


class ChatRequest(JobRequest):
    """What to ask whom.

    Attributes:
        source: The base model, as in `model.source`.
        adapter: A PEFT or run folder; empty for the base model alone.
        sides: Who answers; several take turns, token by token.
    """

    source: str
    bits: Literal[16, 8, 4] = 16
    double_quant: bool = True
    adapter: str = ""
    messages: tuple[ChatMessage, ...] = Field(min_length=1)
    temperature: float = Field(0.0, ge=0.0, le=10.0)
    max_tokens: int = Field(200, ge=1, le=100_000)
    seed: int = Field(7, ge=0)
    sides: tuple[Side, ...] = ("base", "adapter")


@JOBS.register("chat")
class Chat:
    """The job `chat`; keeps its model loaded for the next question."""

    Request: type[JobRequest] = ChatRequest

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._speaker: Speaker | None = None

    def run(self, request: ChatRequest, control: Control) -> Generator[Event, None, None]:
        """Answer, one `Answer` per piece of text; the last of each side says why it ended."""
        if "adapter" in request.sides and not request.adapter:
            raise UserError("There is no adapter to ask.", "Train one first, or ask the base.")
        speaker = yield from self._loaded(request, control)
        if control.request:
            return
        yield from _turns(_answers(speaker, request, control))

    def _loaded(self, request: ChatRequest, control: Control) -> Generator[Event, None, "Speaker"]:
        from core.chat.load import load_speaker

        key = (request.source, request.bits, request.double_quant, *_version(request.adapter))
        if self._speaker is None or key != self._key:
            self._speaker = None  # two models at once may not fit
            settings = ModelSettings(
                source=request.source, bits=request.bits, double_quant=request.double_quant
            )
            self._speaker = yield from load_speaker(settings, request.adapter, control)
            self._key = key
        return self._speaker


def _version(adapter: str) -> tuple[object, ...]:
    """Return what changes when the adapter is trained anew."""
    files = sorted(Path(adapter).rglob("adapter_model.safetensors")) if adapter else []
    return (adapter, *((str(file), file.stat().st_mtime_ns) for file in files))


def _answers(speaker: "Speaker", request: ChatRequest, control: Control) -> list[Iterator[Answer]]:
    from core.chat.speaker import Sampling

    sampling = Sampling(
        temperature=request.temperature, max_tokens=request.max_tokens, seed=request.seed
    )
    messages = tuple(Message(turn.role, turn.content) for turn in request.messages)
    return [speaker.answer(messages, side, sampling, control) for side in request.sides]


def _turns(streams: Iterable[Iterator[Answer]]) -> Iterator[Answer]:
    """Yield one piece of each stream in turn until all have ended."""
    going = list(streams)
    while going:
        for stream in list(going):
            piece = next(stream, None)
            if piece is None:
                going.remove(stream)
            else:
                yield piece
