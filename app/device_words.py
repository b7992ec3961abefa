"""What is known of a device's memory, in words."""

from app.amounts import gib
from core.memory.devices import Device


def free_words(device: Device) -> str:
    """Return 22.1 of 24.0 GiB free, or of a card to plan for what is usable."""
    kind = "usable, planned" if device.kind == "card" else "free"
    return f"{gib(device.free_bytes)} of {gib(device.total_bytes)} GiB {kind}"


def used_words(device: Device) -> str:
    """Say who has the rest: 1.4 GiB held by other programs, 0.45 by the driver."""
    if device.kind == "card":
        return f"{gib(device.total_bytes - device.free_bytes)} GiB that programs cannot have"
    words = f"{gib(device.used_bytes)} GiB held by other programs"
    if device.driver_bytes:
        words += f", {gib(device.driver_bytes)} by the driver"
    if device.windows_bytes:
        words += f", {gib(device.windows_bytes)} for Windows"
    return words


def windows_words(device: Device) -> str:
    """Say why some of the memory is left to Windows; empty where none is."""
    if not device.windows_bytes:
        return ""
    return (
        "Some is left for Windows: running short, it uses main memory without a word, "
        "10 to 50 times slower."
    )
