"""The command line: `rankscope COMMAND …`, see `core.commands`.

Exit codes: 0 done, 2 the user can mend it, 130 interrupted, 1 our bug. With `--json` the standard
output holds one JSON document (of `train`: one event per line) and nothing else.
"""

import argparse
import json
import os
import sys
from typing import NoReturn

from core.commands import COMMANDS
from core.errors import UserError
from core.refusals import UNUSABLE_PATH, way_out


class Parser(argparse.ArgumentParser):
    """A parser that refuses in the words of every other error."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments, and end."""
        print(f"error: {message[:1].upper()}{message[1:]}.", file=sys.stderr)
        print(f"hint: `{self.prog} --help` tells what can be given.", file=sys.stderr)
        self.exit(2)


def parser() -> argparse.ArgumentParser:
    """Build the parser from the registered commands."""
    top = Parser(
        prog="rankscope",
        description="Fine-tune models with LoRA and QLoRA, and see what they learned. "
        "Without a command the window opens.",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        command = COMMANDS[name]
        sub = commands.add_parser(name, help=command.summary, description=command.summary)
        sub.add_argument("--json", action="store_true", help="print JSON on stdout, nothing else")
        command.arguments(sub)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    parsed = parser().parse_args(arguments)
    command = COMMANDS[parsed.command]
    try:
        document = command.run(parsed)
        if document is not None and parsed.json:
            print(json.dumps(document, ensure_ascii=False, allow_nan=False))
        elif document is not None:
            command.show(document)
        sys.stdout.flush()
    except UserError as error:
        return _refuse(error.message, error.hint)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in UNUSABLE_PATH:
            raise
        return _refuse(f"{error.filename} cannot be used: {error.strerror}.", way_out(error))
    return 0


def _refuse(message: str, hint: str) -> int:
    """Say what the user can mend, and return the exit code for it."""
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
