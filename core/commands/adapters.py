"""What the commands that write adapters share: options, documents and their words."""

import argparse
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.exporters import EXPORTERS, AdapterProfile
from core.ranks.actions import plans
from core.ranks.actions.draft import Draft
from core.ranks.actions.truncation import TruncationPlan, truncated
from core.ranks.actions.write import write_adapter
from core.ranks.metrics import Array
from core.ranks.report import kind_label
from core.ranks.spectra import AdapterSpectra

Document = dict[str, Any]
Choice = argparse._MutuallyExclusiveGroup
_PROFILES = {
    name: kind for name in EXPORTERS if issubclass(kind := EXPORTERS[name], AdapterProfile)
}


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add `--out` and `--profile`."""
    parser.add_argument(
        "--out", metavar="DIR", help="the new folder; without it nothing is written, only planned"
    )
    parser.add_argument(
        "--profile", choices=list(_PROFILES), default="peft", help="the runtime to write for (peft)"
    )


def add_choice(parser: argparse.ArgumentParser, *, required: bool) -> Choice:
    """Add `--rank`, `--energy` and `--parameters`, of which one may be given; return them."""
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument("--rank", type=int, metavar="K", help="directions to keep in every module")
    group.add_argument(
        "--energy", type=float, metavar="T", help="share of Σσ² to keep in every module, as 0.95"
    )
    group.add_argument(
        "--parameters",
        type=int,
        metavar="N",
        help="numbers to keep in all modules together: the directions with the largest σ²/(m+n)",
    )
    return group


def chosen(
    spectra: AdapterSpectra,
    arguments: argparse.Namespace,
    worth: Mapping[str, Array] | None = None,
) -> TruncationPlan:
    """Return the plan that the options ask for; without any, what is above rounding stays.

    `worth` is that of each component by module, σ² if not given.

    Raises:
        UserError: A number is out of bounds.
    """
    if arguments.rank is not None:
        return plans.keep_rank(spectra, arguments.rank)
    if arguments.energy is not None:
        return plans.keep_energy(spectra, arguments.energy, worth)
    if arguments.parameters is not None:
        return plans.keep_budget(spectra, arguments.parameters, worth)
    return plans.keep_everything(spectra)


def truncate(draft: Draft, arguments: argparse.Namespace) -> Document:
    """Plan what the options ask for, write it where `--out` says, and return the document.

    Raises:
        UserError: A number is out of bounds, or the folder exists.
    """
    return written(draft, chosen(draft.spectra(), arguments), arguments)


def written(draft: Draft, plan: TruncationPlan, arguments: argparse.Namespace) -> Document:
    """Write a plan where `--out` says, and return the document.

    Raises:
        UserError: The folder exists.
    """
    document = plan_document(draft, plan)
    if arguments.out:
        document["written"] = write(truncated(draft, plan), arguments)
    return document


def write(draft: Draft, arguments: argparse.Namespace) -> Document:
    """Write a draft as `--out` and `--profile` say, and return what came of it.

    Raises:
        UserError: The folder exists, or the runtime would refuse the adapter.
    """
    profile = _PROFILES[arguments.profile]()
    written = write_adapter(draft, Path(arguments.out), profile)
    return {"format": arguments.profile, **dataclasses.asdict(written)}


def plan_document(draft: Draft, plan: TruncationPlan) -> Document:
    """Return a plan as a document."""
    return {
        "adapter": draft.name,
        "how": plan.how,
        "parameters_before": plan.parameters_before,
        "parameters": plan.parameters,
        "size_bytes": plan.size_bytes,
        "energy": plan.energy,
        "error": plan.error,
        "dropped": plan.dropped,
        "modules": [
            {
                "name": module.name,
                "shape": list(module.shape),
                "rank": module.rank,
                "kept": module.kept,
                "energy": module.energy,
                "error": module.error,
            }
            for module in plan.modules
        ],
        "written": None,
    }


def tell_plan(document: Document) -> Iterator[str]:
    """Yield a plan in words: what stays, and by kind of module which ranks."""
    before, after = document["parameters_before"], document["parameters"]
    yield f"{document['adapter']}, {document['how']}:"
    yield (
        f"{after:,} of {before:,} parameters stay ({after / before:.1%}), "
        f"and {document['energy']:.2%} of Σσ²."
    )
    yield f"‖ΔW − ΔW_k‖/‖ΔW‖ = {document['error']:.3g}. The loss is another matter: measure it."
    if document["dropped"]:
        yield f"{document['dropped']} of {len(document['modules'])} modules are left out."
    yield ""
    kinds: dict[str, list[Document]] = {}
    for module in document["modules"]:
        kinds.setdefault(kind_label(module["name"]), []).append(module)
    width = max(map(len, [*kinds, "module"]))
    yield f"{'module':<{width}}  {'count':>5}  {'rank':>9}  {'kept':>9}  {'largest error':>13}"
    for kind, members in kinds.items():
        yield (
            f"{kind:<{width}}  {len(members):>5}  {_span(members, 'rank'):>9}  "
            f"{_span(members, 'kept'):>9}  {max(m['error'] for m in members):>13.3g}"
        )


def tell_written(written: Document | None) -> Iterator[str]:
    """Yield where an adapter was written and how it was read back."""
    if written is None:
        yield "Nothing was written: --out DIR writes it."
        return
    read = ", ".join(f"{name} {error:.1e}" for name, error in written["verified"].items())
    yield (
        f"Wrote {written['path']}: {written['modules']} modules, rank up to {written['rank']}, "
        f"{written['parameters']:,} parameters."
    )
    yield f"Read back by the rule of each runtime, largest relative difference: {read}."


def _span(modules: list[Document], key: str) -> str:
    low, high = min(m[key] for m in modules), max(m[key] for m in modules)
    return str(low) if low == high else f"{low} to {high}"
