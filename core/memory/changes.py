"""What the last change cost, in one line: "Rank 8 → 16: +0.03 GiB"."""

from typing import Any

from pydantic import BaseModel

from core.memory.amounts import GIB
from core.memory.plan import MemoryPlan
from core.settings import RunSettings


def difference(
    old_settings: RunSettings, new_settings: RunSettings, old: MemoryPlan, new: MemoryPlan
) -> str:
    """Return what changed and by how much the plan grew; empty where nothing changed.

    Args:
        old_settings: The settings before.
        new_settings: The settings now.
        old: Their plan.
        new: The plan now.
    """
    changes = _changes(old_settings, new_settings)
    if not changes:
        return ""
    what = changes[0] if len(changes) == 1 else f"{len(changes)} settings"
    return f"{what}: {signed_gib(new.peak_bytes - old.peak_bytes)}"


def signed_gib(size: int) -> str:
    """Return +0.03 GiB, −1.20 GiB or ±0 GiB for a difference in bytes."""
    hundredths = round(size / GIB * 100)
    if hundredths == 0:
        return "±0 GiB" if size == 0 else f"{'+' if size > 0 else '−'}{abs(size) / 2**20:.1f} MiB"
    return f"{'+' if hundredths > 0 else '−'}{abs(hundredths) / 100:.2f} GiB"


def _changes(old: RunSettings, new: RunSettings) -> list[str]:
    """Return one text per changed setting, in the order of the sections."""
    texts = []
    for section in RunSettings.model_fields:
        before, after = getattr(old, section), getattr(new, section)
        if isinstance(before, BaseModel) and before != after:
            texts += _section_changes(before, after)
    return texts


def _section_changes(before: BaseModel, after: BaseModel) -> list[str]:
    fields = type(after).model_fields
    return [
        f"{info.title or key} {_text(getattr(before, key))} → {_text(getattr(after, key))}"
        for key, info in fields.items()
        if hasattr(before, key) and getattr(before, key) != getattr(after, key)
    ]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return value[0] if len(value) == 1 else f"{len(value)} kinds"
    return f"{value:g}" if isinstance(value, float) else str(value)
