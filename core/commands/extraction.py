"""What `extract` and `convert` share: the document of an approximation and its words."""

import argparse
import dataclasses
from collections.abc import Iterator

from core.commands.adapters import Document, write
from core.ranks.actions.extract import Extraction


def extraction_document(extraction: Extraction, arguments: argparse.Namespace) -> Document:
    """Write where `--out` says, and return what was approximated and how well.

    Raises:
        UserError: The folder exists.
    """
    return {
        "adapter": extraction.draft.name,
        "parameters": extraction.draft.parameters,
        "error": extraction.error,
        "left_out": list(extraction.left_out),
        "modules": [
            {**dataclasses.asdict(module), "shape": list(module.shape)}
            for module in extraction.modules
        ],
        "written": write(extraction.draft, arguments) if arguments.out else None,
    }


def tell_extraction(document: Document) -> Iterator[str]:
    """Yield an approximation in words."""
    modules = document["modules"]
    errors = sorted(module["error"] for module in modules)
    yield (
        f"{document['adapter']}: {len(modules)} modules, {document['parameters']:,} parameters, "
        f"‖ΔW − ΔW_k‖/‖ΔW‖ = {document['error']:.3g}"
    )
    yield f"By module from {errors[0]:.3g} to {errors[-1]:.3g}."
    noisy = sorted(module["above_noise"] for module in modules)
    yield (
        f"Directions above what noise would make (Gavish and Donoho): {noisy[0]} to {noisy[-1]}, "
        f"median {noisy[len(noisy) // 2]}."
    )
    if document["left_out"]:
        yield (
            f"{len(document['left_out'])} further tensors changed and are not in it, "
            f"such as {document['left_out'][0]}."
        )
