"""The number types that "auto" came to on this computer, for plans in a process without torch."""

import json
import platform
from dataclasses import astuple, dataclass

from core.durable import replace_file
from core.paths import types_file


@dataclass(frozen=True)
class Types:
    """Short names, such as bf16; empty while nothing was tried.

    Attributes:
        products: Of products.
        attention: Of attention over packed rows, where that is "auto" as well.
    """

    products: str = ""
    attention: str = ""


UNTRIED = Types()


def chosen_types(device_kind: str) -> Types:
    """Return what was chosen last on a device of that kind, "cuda" or "cpu"."""
    try:
        return Types(*map(str, _read()[platform.node()][device_kind]))
    except (OSError, ValueError, KeyError, TypeError):  # missing, damaged, or of another computer
        return UNTRIED


def keep_types(device_kind: str, types: Types) -> None:
    """Keep what was chosen; a disk that refuses only makes the next plan less certain."""
    if chosen_types(device_kind) == types:
        return
    try:
        known = _read()
    except (OSError, ValueError):
        known = {}
    own = known.get(platform.node(), {}) if isinstance(known, dict) else {}
    content = {platform.node(): {**own, device_kind: list(astuple(types))}}
    try:
        types_file().parent.mkdir(parents=True, exist_ok=True)
        replace_file(types_file(), json.dumps(content).encode())
    except OSError:
        return


def _read() -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = json.loads(types_file().read_text("utf-8"))
    return content
