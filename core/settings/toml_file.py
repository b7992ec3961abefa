"""Run settings as a commented TOML file, and back."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel

from core.durable import replace_file
from core.errors import UserError
from core.settings.run import SCHEMA_VERSION, RunSettings, check


def load_settings(path: Path) -> RunSettings:
    """Read a run.toml.

    Raises:
        UserError: The file is missing, no TOML, of a newer schema, or holds a wrong key or value.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        hint = "`rankscope new --out run.toml` writes one."
        raise UserError(f"There is no file {path}.", hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.", "Check the path.") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not valid TOML: {error}.", "Mend that line.") from None
    content.pop("software", None)
    version = content.get("version", SCHEMA_VERSION)
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise UserError(
            f"{path} has schema version {version}; this Rankscope knows {SCHEMA_VERSION}.",
            "Update Rankscope.",
        )
    return check(RunSettings, content)


def save_settings(
    settings: RunSettings, path: Path, software: dict[str, str] | None = None
) -> None:
    """Write a complete, commented run.toml atomically.

    Args:
        settings: What to write.
        path: Where to write it.
        software: Versions and fingerprints to record for the reader; ignored when loading.
    """
    text = "\n".join(_lines(settings))
    if software:
        text += "\n" + tomli_w.dumps({"software": software})
    replace_file(path, text.encode())


def _lines(settings: RunSettings) -> Iterator[str]:
    """Yield the top-level keys, then one table per section, each key under its description."""
    yield "# A run of Rankscope. `rankscope train` runs this file; docs/settings.md explains it."
    sections = {}
    for key in RunSettings.model_fields:
        value = getattr(settings, key)
        if isinstance(value, BaseModel):
            sections[key] = value
        else:
            yield _pair(key, value)
    for name, section in sections.items():
        yield f"\n[{name}]"
        for key, info in type(section).model_fields.items():
            yield f"# {info.description}"
            yield _pair(key, section.model_dump()[key])


def _pair(key: str, value: Any) -> str:
    return tomli_w.dumps({key: value}).rstrip("\n")
