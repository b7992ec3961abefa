"""A spectrum report in words, for the terminal; made from the JSON document of the command."""

import textwrap
from collections.abc import Iterator
from statistics import median
from typing import Any

from core.models.info import locate
from core.ranks.families import FAMILIES

_STRONGEST = 5
_WIDTH = 92
_VARIANTS = {"rslora": "rsLoRA", "dora": "DoRA"}

Document = dict[str, Any]


def report(document: Document) -> str:
    """Return the report: what was read, one row per kind, the strongest modules, a sentence."""
    modules, adapter = document["modules"], document["adapter"]
    trained = [module for module in modules if module["trained"]]
    lines = [_heading(adapter, modules)]
    for note in adapter["notes"]:
        lines += textwrap.wrap(note, _WIDTH)
    lines.append("")
    if adapter["vectors"]:
        return "\n".join([*lines, *_vector_table(adapter["vectors"])])
    if trained:
        lines += [*_kind_table(trained), "", *_strongest(trained), *_lengths(trained), ""]
        lines += textwrap.wrap(_sentence(trained), _WIDTH)
    else:
        lines.append("Nothing to measure yet: every update is zero.")
    if 0 < len(trained) < len(modules):
        lines.append(f"{len(modules) - len(trained)} of {len(modules)} modules are still zero.")
    return "\n".join(lines)


def _heading(adapter: Document, modules: list[Document]) -> str:
    ranks = sorted({module["rank"] for module in modules})
    rank = f"rank {ranks[0]}, " if len(ranks) == 1 else f"rank {ranks[0]} to {ranks[-1]}, "
    made_for = f", made for {adapter['base_name']}" if adapter["base_name"] else ""
    return (
        f"{adapter['name']}: {_family(adapter['family'])}, {rank if ranks else ''}"
        f"{len(modules) or len(adapter['vectors'])} modules, "
        f"{adapter['parameters']:,} parameters{made_for}"
    )


def _family(name: str) -> str:
    """Return the title of a family, or of several in one file ("loha/lokr")."""
    titles = {**{known: FAMILIES[known].title for known in FAMILIES}, **_VARIANTS}
    return " and ".join(titles[part] for part in name.split("/"))


def _kind_table(modules: list[Document]) -> Iterator[str]:
    kinds: dict[str, list[Document]] = {}
    for module in modules:
        kinds.setdefault(kind_label(module["name"]), []).append(module)
    width = max(len("module"), *map(len, kinds))
    columns = f"{'rank':>5}  {'k95':>4}  {'effective rank':>14}  {'if random':>13}  {'‖ΔW‖':>8}"
    yield f"{'module':<{width}}  {'count':>5}  {columns}"
    for kind, members in kinds.items():
        low = _middle(members, "null", "erank", 0)
        high = _middle(members, "null", "erank", 1)
        yield (
            f"{kind:<{width}}  {len(members):>5}  {_middle(members, 'rank'):>5.0f}  "
            f"{_middle(members, 'energy_rank', '0.95'):>4.0f}  {_middle(members, 'erank'):>14.1f}  "
            f"{f'{low:.1f} to {high:.1f}':>13}  {_middle(members, 'frobenius'):>8.3g}"
        )
    yield "Medians over the modules of a kind. k95: directions that hold 95 % of the energy Σσ²."
    yield "Effective rank: exp of the entropy of σ/Σσ (Roy and Vetterli); if random: 5 to 95 % of"
    yield "random updates of the same shape, rank and norm."


def _strongest(modules: list[Document]) -> Iterator[str]:
    yield "Largest updates by ‖ΔW‖:"
    largest = sorted(modules, key=lambda module: -module["frobenius"])[:_STRONGEST]
    width = max(len(module["name"]) for module in largest)
    for module in largest:
        yield (
            f"  {module['name']:<{width}}  ‖ΔW‖ {module['frobenius']:.3g}, "
            f"σ₁ {module['spectral']:.3g}, k95 {module['energy_rank']['0.95']} of {module['rank']}"
            + (f", ‖ΔW‖/‖W₀‖ {size:.2g}" if (size := module["relative_size"]) else "")
        )


def _lengths(modules: list[Document]) -> Iterator[str]:
    """Say what the learned lengths of DoRA add, where the base model was read."""
    parts = [module["dora"] for module in modules if module["dora"]]
    if not parts:
        return
    low, high = min(min(p["ratios"]) for p in parts), max(max(p["ratios"]) for p in parts)
    moved, turned = (median(p[f"{k}_part"] for p in parts) for k in ("magnitude", "directional"))
    yield ""
    yield f"DoRA scales the lengths by {low:.3g} to {high:.3g}: ‖(D − I)·W₀‖ {moved:.3g} beside"
    yield f"‖s·(D·B)·A‖ {turned:.3g} (medians over the modules)."


def _vector_table(vectors: list[Document]) -> Iterator[str]:
    width = max(len(vector["name"]) for vector in vectors)
    yield f"{'module':<{width}}  {'multiplies':<10}  {'changed':>13}  {'factors':>16}"
    for vector in vectors:
        values = vector["values"]
        changed = f"{vector['changed']} of {len(values)}"
        side = {"out": "outputs", "in": "inputs"}[vector["side"]]
        factors = f"{min(values):.3g} to {max(values):.3g}"
        yield f"{vector['name']:<{width}}  {side:<10}  {changed:>13}  {factors:>16}"


def _sentence(modules: list[Document]) -> str:
    narrower = sum(module["erank"] < module["null"]["erank"][0] for module in modules)
    return (
        f"{narrower} of {len(modules)} updates use fewer directions than a random update would; "
        "their median effective rank is "
        f"{_middle(modules, 'erank'):.1f} of {_middle(modules, 'rank'):.0f}. Spectra alone do not "
        "tell which rank is enough: for that, compare the held-out loss after truncation."
    )


def _middle(modules: list[Document], *path: str | int) -> float:
    """Return the median over modules of the value at a path, as in ("energy_rank", "0.95")."""
    values = []
    for module in modules:
        value: Any = module
        for key in path:
            value = value[key]
        values.append(float(value))
    return median(values)


def kind_label(name: str) -> str:
    """Return the short name of a module's kind: up_proj for model.layers.3.mlp.up_proj."""
    place = locate(name)
    return (place[1] if place else name).rsplit(".", 1)[-1]
