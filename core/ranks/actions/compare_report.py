"""A comparison as a JSON document, and in words for the terminal."""

import textwrap
from collections.abc import Iterator
from statistics import median
from typing import Any

import numpy as np

from core.ranks.actions.compare import SIDES, Comparison, ModuleComparison, Subspaces
from core.ranks.report import kind_label

_WIDTH = 92
_LISTED = 5
Document = dict[str, Any]


def to_document(comparison: Comparison) -> Document:
    """Return the document; all numbers are finite.

    φ stands at i and j = 1, 2, 4, 8, … and the full rank; the window draws all of them.
    """
    first, second = comparison.names
    return {
        "adapters": [first, second],
        "cosine": comparison.cosine,
        "warnings": list(comparison.warnings),
        "only": [list(names) for names in comparison.only],
        "modules": [_module(module) for module in comparison.modules],
    }


def _module(module: ModuleComparison) -> Document:
    return {
        "name": module.name,
        "shape": list(module.shape),
        "ranks": list(module.ranks),
        "inner_product": module.inner,
        "cosine": module.cosine,
        "norms": list(module.norms),
        "norm_ratio": module.norm_ratio,
        "start_correlation": module.start,
        "difference": module.difference.tolist(),
        "subspaces": {side: _subspaces(module.subspaces[side]) for side in SIDES},
    }


def _subspaces(subspaces: Subspaces) -> Document:
    rows, columns = (_steps(size) for size in subspaces.similarity.shape)
    at = np.ix_([i - 1 for i in rows], [j - 1 for j in columns])
    return {
        "i": rows,
        "j": columns,
        "similarity": subspaces.similarity[at].tolist(),
        "null": subspaces.null[at].tolist(),
        "angles": subspaces.angles.tolist(),
    }


def _steps(size: int) -> list[int]:
    """Return 1, 2, 4, … and the size itself."""
    return sorted({1 << power for power in range(size.bit_length())} - {0} | {size}) if size else []


def report(document: Document) -> str:
    """Return the comparison in words: by kind of module, then what only one of them has."""
    first, second = document["adapters"]
    lines = [f"{first} and {second}: cosine {document['cosine']:.3f} over all common modules"]
    for warning in document["warnings"]:
        lines += textwrap.wrap(warning, _WIDTH)
    lines += ["", *_table(document["modules"])]
    for name, only in zip((first, second), document["only"], strict=True):
        if only:
            shown = ", ".join(only[:_LISTED])
            more = f" and {len(only) - _LISTED} more" if len(only) > _LISTED else ""
            lines.append(f"Only {name} adapts {shown}{more}.")
    return "\n".join(lines)


def _table(modules: list[Document]) -> Iterator[str]:
    kinds: dict[str, list[Document]] = {}
    for module in modules:
        kinds.setdefault(kind_label(module["name"]), []).append(module)
    width = max(map(len, [*kinds, "module"]))
    head = f"{'cosine':>7}  {'‖ΔW₂‖/‖ΔW₁‖':>11}"
    head += "".join(f"  {f'φ {side}':>9}  {'by chance':>9}" for side in SIDES)
    yield f"{'module':<{width}}  {'count':>5}  {head}"
    for kind, members in kinds.items():
        ratios = [module["norm_ratio"] for module in members if module["norm_ratio"] is not None]
        ratio = f"{median(ratios):.2f}" if ratios else "–"
        row = f"{median(m['cosine'] for m in members):>7.3f}  {ratio:>11}"
        for side in SIDES:
            for number in ("similarity", "null"):
                row += f"  {_corner(members, side, number):>9}"
        yield f"{kind:<{width}}  {len(members):>5}  {row}"
    yield "Medians over the modules of a kind. φ: overlap of all directions, 0 to 1, of the inputs"
    yield "and outputs of ΔW, and of A alone; by chance: max(i, j)/n."


def _corner(modules: list[Document], side: str, number: str) -> str:
    """Return the median of φ or of its null for all directions of both."""
    tables = [module["subspaces"][side][number] for module in modules]
    corners = [table[-1][-1] for table in tables if table and table[-1]]
    return f"{median(corners):.3f}" if corners else "–"
