"""`docs/settings.md`, written from the settings models: `python -m core.settings.reference FILE`.

A test compares the file with what this module writes, so that the two cannot drift apart.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.adapters import ADAPTERS
from core.settings.run import RunSettings
from core.settings.sections import Section

_HEAD = """# Settings

Everything that decides a run stands in its `run.toml`. `rankscope new --out run.toml` writes a
complete one; a key that is left out has its default. On the command line every key can be given as
`--set section.key=value`; in the window each has its control, with the same name.

This page is written by `make docs` from the same declarations that check the file.
"""
_TABLE = "| Key | Name | Default | Allowed | What it does |\n|---|---|---|---|---|"


def page() -> str:
    """Return the page in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    yield from _section("Top of the file", "", {"name": RunSettings.model_fields["name"]})
    for name, info in RunSettings.model_fields.items():
        kind = info.annotation
        if name == "adapter":
            yield from _methods()
        elif isinstance(kind, type) and issubclass(kind, Section):
            yield from _section(f"[{name}]", kind.__doc__ or "", dict(kind.model_fields))


def _methods() -> Iterator[str]:
    """Yield the methods, one table of what they share, and what each has of its own."""
    kinds: dict[str, type[BaseModel]] = {name: ADAPTERS[name].Settings for name in ADAPTERS}
    common = set.intersection(*(set(kind.model_fields) for kind in kinds.values()))
    first = type(RunSettings().adapter)
    shared = {key: info for key, info in first.model_fields.items() if key in common}
    choices = ", ".join(f"`{name}`" for name in kinds)
    yield from _section("[adapter]", "What is learned, and where.", shared, {"method": choices})
    for name in kinds:
        yield f"- `{name}`: {ADAPTERS[name].summary} ({ADAPTERS[name].paper})"
    yield ""
    for name, kind in kinds.items():
        own = {key: info for key, info in kind.model_fields.items() if key not in common}
        if own:
            yield from _section(f"[adapter], method {name}", kind.__doc__ or "", own)


def _section(
    title: str, text: str, fields: dict[str, FieldInfo], allowed: dict[str, str] | None = None
) -> Iterator[str]:
    yield f"## {title}\n"
    if text:
        yield text.strip().splitlines()[0] + "\n"
    yield _TABLE
    for key, info in fields.items():
        bounds = (allowed or {}).get(key) or _allowed(info)
        cells = (f"`{key}`", info.title or "", _default(info), bounds, info.description or "")
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list | tuple):
        return ", ".join(f"`{item}`" for item in value) or "none"
    return f"`{value}`" if value != "" else "empty"


def _allowed(info: FieldInfo) -> str:
    """Return the choices or the bounds of a field, with its unit."""
    kinds = get_args(info.annotation)
    if int in kinds:  # words, or a number
        words = next(get_args(kind) for kind in kinds if get_origin(kind) is Literal)
        return ", ".join(f"`{word}`" for word in words) + " or a number"
    if get_origin(info.annotation) is Literal:
        choices = ", ".join(f"`{choice}`" for choice in get_args(info.annotation))
        return f"{choices} {_unit(info)}".rstrip()
    if info.annotation is bool:
        return "`true`, `false`"
    options = _extra(info).get("options")
    if isinstance(options, list):
        return "any of " + ", ".join(f"`{option}`" for option in options)
    return " ".join(part for part in (_bounds(info), _unit(info)) if part)


def _bounds(info: FieldInfo) -> str:
    limits: dict[str, Any] = {}
    for rule in info.metadata:
        limits |= {k: getattr(rule, k) for k in ("ge", "gt", "le", "lt") if hasattr(rule, k)}
    if not limits:
        return ""
    words = {"ge": "from {:,}", "gt": "above {:,}", "le": "to {:,}", "lt": "to below {:,}"}
    return " ".join(words[key].format(limits[key]) for key in words if key in limits)


def _unit(info: FieldInfo) -> str:
    return str(_extra(info).get("unit", ""))


def _extra(info: FieldInfo) -> dict[str, Any]:
    extra = info.json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
