"""What the Ranks page says about the spectra that it shows."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.rank_source import RankSource

RULES = {"lora": "α/r", "dora": "α/r", "rslora": "α/√r"}
"""The scaling s by family."""


def about(source: "RankSource") -> str:
    """Return scaling rule, number type, and where the numbers are from, for the foot of plots."""
    spectra = source.spectra
    if spectra is None:
        return ""
    info = spectra.adapter
    scalings = {round(module.scaling, 6) for module in spectra.modules}
    value = f" = {scalings.pop():g}" if len(scalings) == 1 else ""
    words = [f"ΔW = s·B·A, s{' = ' + RULES[info.family] if info.family in RULES else ''}{value}"]
    if info.dtype:
        words.append(f"stored as {info.dtype}")
    if source.opened is not None:
        words.append(info.name)
    elif source.run is not None:
        words.append(f"{source.run.path.name}, step {source.step:,}")
    return " · ".join(words)
