"""Cards to plan for, from `resources/cards.toml`."""

import tomllib
from typing import Any

from core.memory.amounts import GIB
from core.memory.devices import Device
from core.paths import resources_dir


def _load() -> tuple[Device, ...]:
    content = tomllib.loads((resources_dir() / "cards.toml").read_text("utf-8"))
    return tuple(_card(entry) for entry in content["card"])


def _card(entry: dict[str, Any]) -> Device:
    major, minor = entry.get("compute_capability", (0, 0))
    return Device(
        name=entry["name"],
        total_bytes=round(entry["gib"] * GIB),
        free_bytes=round(entry["usable_gib"] * GIB),
        kind="card",
        compute_capability=(major, minor),
    )


CARDS = _load()
"""In the order of the file: by maker and memory."""


def custom_card(total_bytes: int) -> Device:
    """Return a card of which only the memory is known, all of it free."""
    return Device("Card", total_bytes, total_bytes, "card")
