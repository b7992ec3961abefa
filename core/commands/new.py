"""`rankscope new [flags] [--out RUN.toml]`: writes a complete, commented run.toml."""

import argparse
from pathlib import Path
from typing import Any, ClassVar

from core.adapters import ADAPTERS
from core.commands.base import COMMANDS
from core.errors import UserError
from core.refusals import way_out
from core.settings import RunSettings, save_settings

_KEYS = {
    "model": "model.source",
    "data": "data.path",
    "method": "adapter.method",
    "bits": "model.bits",
    "rank": "adapter.rank",
    "targets": "adapter.targets",
    "steps": "training.steps",
    "seq": "data.max_length",
    "batch": "training.micro_batch",
    "learning_rate": "training.learning_rate",
    "seed": "training.seed",
    "name": "name",
}


@COMMANDS.register("new")
class New:
    """The command `new`."""

    summary: ClassVar[str] = "write a run.toml (starter model and data by default)"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare one flag per common setting; the file holds all of them."""
        parser.add_argument("--name", help="name of the run")
        parser.add_argument("--model", metavar="M", help="starter, folder, GGUF file or hub id")
        parser.add_argument(
            "--data", metavar="D", help="starter, a file or folder with rows, or *.jsonl"
        )
        parser.add_argument("--method", choices=[*ADAPTERS, "qlora"], help="adapter method")
        parser.add_argument("--bits", type=int, choices=[16, 8, 4], help="bits per base weight")
        parser.add_argument("--rank", type=int, metavar="N")
        parser.add_argument("--targets", metavar="all-linear|q_proj,v_proj")
        parser.add_argument("--steps", type=int, metavar="N")
        parser.add_argument("--seq", type=int, metavar="N", help="max length in tokens")
        parser.add_argument("--batch", type=int, metavar="N", help="rows per micro-batch")
        parser.add_argument("--learning-rate", type=float, metavar="X")
        parser.add_argument("--seed", type=int, metavar="N")
        parser.add_argument("--out", metavar="RUN.toml", default="run.toml")

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Write the file.

        Raises:
            UserError: A value is out of bounds, or the file exists already.
        """
        return write_new(RunSettings().with_changes(_changes(arguments)), Path(arguments.out))

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Say where it is and what to do next."""
        print(f"Wrote {document['path']}")
        print(f"Next: rankscope train {document['path']}")


def write_new(settings: RunSettings, path: Path) -> dict[str, Any]:
    """Write a run.toml that is not there yet, and return where it is and what it holds.

    Raises:
        UserError: The file exists already, or cannot be written.
    """
    try:
        if path.exists():
            raise UserError(f"{path} exists already.", "Choose another name with --out.")
        save_settings(settings, path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.", way_out(error)) from None
    return {"path": str(path.resolve()), "settings": settings.model_dump(mode="json")}


def _changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that the flags change; QLoRA is LoRA on quantized weights."""
    given = {name: getattr(arguments, name) for name in _KEYS}
    if given["method"] == "qlora":
        given |= {"method": "lora", "bits": given["bits"] or 4}
    if given["targets"]:
        given["targets"] = given["targets"].split(",")
    return {_KEYS[name]: value for name, value in given.items() if value is not None}
