"""A spectrum report in words, for the terminal; made from the JSON document of the command."""

import textwrap
from collections.abc import Iterator
from statistics import median
from typing import Any

from core.models.info import locate

_STRONGEST = 5
_WIDTH = 92
_FAMILIES = {"lora": "LoRA", "rslora": "rsLoRA", "dora": "DoRA"}

Document = dict[str, Any]


def report(document: Document) -> str:
    """Return the report: what was read, one row per kind, the strongest modules, a sentence."""
    modules = document["modules"]
    trained = [module for module in modules if module["trained"]]
    lines = [_heading(document["adapter"], modules)]
    for note in document["adapter"]["notes"]:
        lines += textwrap.wrap(note, _WIDTH)
    lines.append("")
    if trained:
        lines += [*_kind_table(trained), "", *_strongest(trained), ""]
        lines += textwrap.wrap(_sentence(trained), _WIDTH)
    else:
        lines.append("Nothing to measure yet: every update is zero.")
    if 0 < len(trained) < len(modules):
        lines.append(f"{len(modules) - len(trained)} of {len(modules)} modules are still zero.")
    return "\n".join(lines)


def _heading(adapter: Document, modules: list[Document]) -> str:
    ranks = sorted({module["rank"] for module in modules})
    rank = str(ranks[0]) if len(ranks) == 1 else f"{ranks[0]} to {ranks[-1]}"
    made_for = f", made for {adapter['base_name']}" if adapter["base_name"] else ""
    return (
        f"{adapter['name']}: {_FAMILIES.get(adapter['family'], adapter['family'])}, rank {rank}, "
        f"{len(modules)} modules, {adapter['parameters']:,} parameters{made_for}"
    )


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
        )


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
