"""`rankscope evidence RUN`: what the model and held-out data say about an adapter and its rank."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from core.commands.base import COMMANDS, add_set_option, changes_of
from core.commands.model_jobs import followed, settings_of
from core.commands.numbers import number, whole
from core.errors import UserError
from core.jobs.evidence import RESULTS, EvidenceDesk, EvidenceRequest
from core.ranks.before_after import Change, ChangeKind
from core.ranks.evidence_report import report, to_document
from core.ranks.verdict import TOLERANCE
from core.run_folder import RunFolder

_CHANGES: tuple[tuple[str, ChangeKind, Callable[[str], float], str], ...] = (
    ("--rank", "rank", whole(1), "losses: keep the first K components of each module"),
    (
        "--energy",
        "energy",
        number(0, 1),
        "losses: keep the fewest that hold this share of the energy",
    ),
    ("--damp", "damp", number(0, 1), "losses: intruder dimensions at this share of their size"),
    ("--cap", "cap", number(0), "losses: no σ above this multiple of the largest of W₀"),
)


@COMMANDS.register("evidence")
class Evidence:
    """The command `evidence`."""

    summary: ClassVar[str] = "measure which rank is enough, on held-out data"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("adapter", metavar="RUN", help="a run folder or a PEFT folder")
        parser.add_argument(
            "--measure",
            choices=list(RESULTS),
            default="curve",
            help="curve: the loss at every smaller rank, and the verdict; use: how the data use "
            "each direction; base: beside W₀; losses: task and general text, before and after",
        )
        parser.add_argument("--base", metavar="MODEL", help="base model of a PEFT folder")
        parser.add_argument("--data", metavar="FILE", help="rows that were not trained on")
        parser.add_argument("--rows", choices=["held-out", "training", "all"])
        parser.add_argument("--examples", type=whole(2), default=256, metavar="N")
        parser.add_argument(
            "--tolerance",
            type=number(0),
            default=TOLERANCE,
            metavar="X",
            help=f"loss that may be given away, nats per token ({TOLERANCE:g})",
        )
        for option, kind, bounds, text in _CHANGES:
            parser.add_argument(
                option, dest=kind, action="append", type=bounds, default=[], help=text
            )
        add_set_option(parser)

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Measure, or read what was measured before, and return the document.

        Raises:
            UserError: There is nothing to measure, or it cannot be.
            KeyboardInterrupt: It was asked to stop; nothing is kept.
        """
        request = _request(arguments)
        if request.result() is None:
            followed(EvidenceDesk(), request)
        result = request.result()
        if result is None:
            raise RuntimeError(f"{request.file()} is not what was written")
        return to_document(result, arguments.tolerance)

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print the report."""
        print(report(document))


def _request(arguments: argparse.Namespace) -> EvidenceRequest:
    """Return what the options ask for.

    Raises:
        UserError: A PEFT folder comes without its base model or without data.
    """
    settings = settings_of(arguments.adapter, arguments.base, arguments.data)
    is_run = RunFolder(Path(arguments.adapter)).settings_file.is_file()
    if not is_run and not arguments.data and arguments.measure != "base":
        raise UserError(
            f"{arguments.adapter} is no run, so that its data are not known.",
            "Name a file that it was not trained on with --data.",
        )
    changes = [
        Change(kind=kind, value=value)
        for _, kind, _, _ in _CHANGES
        for value in getattr(arguments, kind)
    ]
    return EvidenceRequest(
        measure=arguments.measure,
        adapter=arguments.adapter,
        settings=settings.with_changes(changes_of(arguments.set)),
        rows=arguments.rows or ("all" if arguments.data else "held-out"),
        examples=arguments.examples,
        changes=tuple(changes),
    )
