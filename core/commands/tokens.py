"""`rankscope tokens RUN.toml [--row N]`: the token inspector in text."""

import argparse
from collections import Counter
from typing import Any, ClassVar

from core.commands.base import COMMANDS, add_set_option, settings_from
from core.commands.jobs import reply_of
from core.jobs.tokens import Tokens as TokensJob
from core.jobs.tokens import TokensRequest


@COMMANDS.register("tokens")
class Tokens:
    """The command `tokens`."""

    summary: ClassVar[str] = "show a row token by token: trained, masked or cut"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", metavar="RUN.toml", help="settings of the run")
        parser.add_argument("--row", type=int, default=0, metavar="N", help="counted from 0")
        add_set_option(parser)

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Return the tokens of the row.

        Raises:
            UserError: Settings, data, model or row are not there.
        """
        settings = settings_from(arguments.file, arguments.set)
        source = settings.model.source
        request = TokensRequest(data=settings.data, source=source, row=arguments.row)
        return reply_of(TokensJob(), request)

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print one token per line, then how many there are of each state."""
        print(f"Row {document['row']} (counted from 0)")
        for token in document["tokens"]:
            print(f"{token['id']:>8}  {token['state']:7}  {token['text']!r}")
        counts = Counter(token["state"] for token in document["tokens"])
        summary = ", ".join(f"{counts[state]} {state}" for state in ("trained", "masked", "cut"))
        print(f"{len(document['tokens'])} tokens: {summary}")
