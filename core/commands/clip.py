"""`rankscope clip ADAPTER (--largest X | --share C) --out DIR`: no σ above a cap."""

import argparse
from pathlib import Path
from typing import Any, ClassVar

from core.commands.adapters import add_out, tell_written, write
from core.commands.base import COMMANDS
from core.ranks.actions.draft import opened
from core.ranks.actions.reshape import clipped, relative_caps


@COMMANDS.register("clip")
class Clip:
    """The command `clip`."""

    summary: ClassVar[str] = "cap the singular values of an adapter"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("adapter", metavar="ADAPTER", help="a PEFT folder or a run folder")
        group = parser.add_mutually_exclusive_group(required=True)
        group.add_argument("--largest", type=float, metavar="X", help="the largest σ of any module")
        group.add_argument(
            "--share", type=float, metavar="C", help="the largest σ of a module, as share of its σ₁"
        )
        add_out(parser)

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Tell what changes, and write where `--out` says.

        Raises:
            UserError: There is no adapter, the cap is out of bounds, or `--out` exists.
        """
        draft = opened(Path(arguments.adapter))
        spectra = draft.spectra()
        caps = (
            dict.fromkeys((slot.name for slot in draft.slots), arguments.largest)
            if arguments.share is None
            else relative_caps(spectra, arguments.share)
        )
        capped = clipped(draft, caps)
        modules = [
            {
                "name": module.name,
                "spectral_before": (sigma := float(module.singular_values[0])),
                "spectral": min(sigma, caps.get(module.name, sigma)),
            }
            for module in spectra.modules
        ]
        written = write(capped, arguments) if arguments.out else None
        return {"adapter": draft.name, "modules": modules, "written": written}

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print how many modules changed and where the result is."""
        modules = document["modules"]
        changed = sum(module["spectral"] < module["spectral_before"] for module in modules)
        print(f"{document['adapter']}: σ₁ of {changed} of {len(modules)} modules is capped.")
        print("\n".join(tell_written(document["written"])))
