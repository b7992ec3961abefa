"""Cards to plan for, from `resources/cards.toml`."""

import tomllib
from collections.abc import Iterator
from typing import Any

from core.memory.amounts import GIB
from core.memory.devices import Device
from core.paths import resources_dir

ECC_SHARE = 1 / 16
"""Of GDDR memory: where the check bits lie when error correction is on."""
DRIVER_GIB, DRIVER_SHARE = 0.3, 1 / 128
"""What NVIDIA's driver keeps: with these two, cards of 4 to 96 GiB come out within 0.14 GiB of what
torch reports of them (see the test)."""
OTHER_DRIVER_GIB = 0.1
"""The same of AMD's and Intel's: 0.02 to 0.08 GiB were reported on cards of 12 to 288 GiB."""
METAL_SHARES = ((16, 2 / 3), (float("inf"), 3 / 4))
"""Of a Mac's memory up to a size in GiB, where nothing newer is known: older macOS, measured at 8,
16 and 32 GiB and at 64 and 96 (https://github.com/ggml-org/llama.cpp/issues/3213)."""


def _load() -> tuple[Device, ...]:
    content = tomllib.loads((resources_dir() / "cards.toml").read_text("utf-8"))
    return tuple(card for series in content["series"] for card in _series(series))


def _series(series: dict[str, Any]) -> Iterator[Device]:
    major, minor = series.get("compute_capability", (0, 0))
    for entry in series["cards"]:
        usable = entry.get("usable_gib") or usable_gib(
            series["maker"], entry["gib"], ecc=entry.get("ecc", False)
        )
        yield Device(
            name=f"{series['maker']} {entry['name']}",
            total_bytes=round(entry["gib"] * GIB),
            free_bytes=round(usable * GIB),
            kind="card",
            compute_capability=(major, minor),
            series=f"{series['maker']} {series['name']}",
        )


def usable_gib(maker: str, gib: float, *, ecc: bool = False) -> float:
    """Return what software can have of a card's memory, all in GiB.

    Args:
        maker: NVIDIA, AMD, Intel or Apple.
        gib: The memory that the card is sold with.
        ecc: Error correction is on and takes its share of it.
    """
    if maker == "Apple":
        return gib * next(share for size, share in METAL_SHARES if gib <= size)
    if maker != "NVIDIA":
        return gib - OTHER_DRIVER_GIB
    return gib * (1 - ECC_SHARE if ecc else 1) - DRIVER_GIB - DRIVER_SHARE * gib


CARDS = _load()
"""In the order of the file: by maker, series and name."""


def custom_card(total_bytes: int) -> Device:
    """Return a card of which only the memory is known, all of it free."""
    return Device("Card", total_bytes, total_bytes, "card")
