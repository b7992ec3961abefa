"""`rankscope chat RUN_OR_ADAPTER [--against-base]`: talk to an adapter in the terminal."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from core.commands.base import COMMANDS
from core.commands.numbers import number, whole
from core.control import Control
from core.errors import UserError
from core.events import Answer, Progress
from core.jobs.chat import Chat as ChatJob
from core.jobs.chat import ChatRequest
from core.libraries import prepare_libraries
from core.models import starter
from core.ranks import find_adapter
from core.run_folder import RunFolder

_NAMES = {"base": "base model", "adapter": "adapter"}


@COMMANDS.register("chat")
class Chat:
    """The command `chat`."""

    summary: ClassVar[str] = "ask an adapter, and its base model beside it"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("adapter", metavar="RUN_OR_ADAPTER")
        parser.add_argument("--against-base", action="store_true", help="ask the base model too")
        parser.add_argument("--base", metavar="MODEL", help="base model of a foreign adapter")
        parser.add_argument("--temperature", type=number(0, 10), default=0.0, metavar="X")
        parser.add_argument("--max-tokens", type=whole(1), default=200, metavar="N")
        parser.add_argument("--seed", type=whole(0), default=7, metavar="N")

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any] | None:
        """Answer every line of standard input; on a terminal, as a conversation."""
        prepare_libraries()
        talk = _Talk(arguments, aloud=not arguments.json)
        answers = [talk.ask(question) for question in _questions()]
        return {"answers": answers} if arguments.json else None

    @staticmethod
    def show(document: None) -> None:
        """Nothing is left to say: the answers were streamed."""


class _Talk:
    """One sitting: on a terminal earlier turns are remembered, elsewhere lines are independent."""

    def __init__(self, arguments: argparse.Namespace, *, aloud: bool) -> None:
        self._job = ChatJob()
        self._model = _model_of(arguments)
        self._options = {key: getattr(arguments, key) for key in ("temperature", "seed")}
        self._options |= {"max_tokens": arguments.max_tokens, "adapter": arguments.adapter}
        self._sides = ["base", "adapter"] if arguments.against_base else ["adapter"]
        self._aloud = aloud
        self._turns: dict[str, list[dict[str, str]]] = {side: [] for side in self._sides}

    def ask(self, question: str) -> dict[str, str]:
        """Return the answers by side, printed while they come."""
        answers = {"question": question}
        for side in self._sides:
            turns = [*self._turns[side], {"role": "user", "content": question}]
            answers[side] = self._answer(side, turns)
            if sys.stdin.isatty():
                self._turns[side] = [*turns, {"role": "assistant", "content": answers[side]}]
        return answers

    def _answer(self, side: str, turns: list[dict[str, str]]) -> str:
        request = ChatRequest.model_validate(
            {**self._model, **self._options, "messages": turns, "sides": [side]}
        )
        text = ""
        for event in self._job.run(request, Control()):
            if isinstance(event, Progress):
                print(f"{event.message} …", file=sys.stderr)
            elif isinstance(event, Answer):
                self._print(event.text if text else f"{_NAMES[side]}: {event.text}")
                text += event.text
        self._print("\n")
        return text

    def _print(self, text: str) -> None:
        if self._aloud:
            print(text, end="", flush=True)


def _questions() -> Iterator[str]:
    """Yield the lines that are not empty, with a prompt on a terminal."""
    if sys.stdin.isatty():
        print("Ask something. Ctrl-D ends the conversation.")
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            return
        if line:
            yield line


def _model_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return source, bits and double_quant: of `--base`, of the run, or of the adapter's config.

    Raises:
        UserError: The adapter does not say which model it belongs to.
    """
    place = Path(arguments.adapter)
    if arguments.base:
        return {"source": arguments.base}
    if (place / "run.toml").is_file():
        return RunFolder.open(place).settings.model.model_dump(include=set(_MODEL_KEYS))
    config = json.loads((find_adapter(place) / "adapter_config.json").read_text("utf-8"))
    source = config.get("base_model_name_or_path")
    if not source:
        raise UserError("This adapter does not name its base model.", "Name it with --base.")
    return {"source": starter.SOURCE if source == starter.HUB_ID else source}


_MODEL_KEYS = ("source", "bits", "double_quant")
