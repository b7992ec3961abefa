"""The colours of the window, light and dark; no other file holds a colour.

Contrast was computed by WCAG 2.x: every text token reaches 4.5 on `window`, `surface`, `sunken`
and `accent_soft`, every edge and meaningful graphic 3.0 on `surface`. `tests/app/test_contrast.py`
computes it again.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """One theme. Blue-grey is frozen, orange is learned, blue is interaction."""

    dark: bool
    window: str
    surface: str
    raised: str
    sunken: str
    rail: str
    hover: str
    track: str
    line: str
    line_strong: str
    border: str
    grid: str
    text: str
    text_2: str
    text_3: str
    accent: str
    accent_hover: str
    accent_soft: str
    on_accent: str
    ok: str
    ok_soft: str
    warn: str
    warn_soft: str
    danger: str
    danger_soft: str
    learned: str
    learned_text: str
    learned_soft: str
    frozen: str
    frozen_text: str
    frozen_soft: str
    cell_on: str
    memory_weights: str
    memory_adapter: str
    memory_optimizer: str
    memory_activations: str
    memory_logits: str
    memory_logits_edge: str
    memory_context: str
    line_orange: str
    line_orange_raw: str
    line_blue: str
    line_green: str
    line_plum: str
    line_pink: str
    line_grey: str
    cell_edge: str


LIGHT = Tokens(
    dark=False,
    window="#F3F5F7",
    surface="#FFFFFF",
    raised="#FFFFFF",
    sunken="#E9ECF0",
    rail="#EAEDF1",
    hover="#DFE4EA",
    track="#E3E7EC",
    line="#D8DDE3",
    line_strong="#C2C9D1",
    border="#7D8894",
    grid="#E6E9ED",
    text="#1A2129",
    text_2="#47525E",
    text_3="#5C6773",
    accent="#1B5EBE",
    accent_hover="#174F9F",
    accent_soft="#E3EDFA",
    on_accent="#FFFFFF",
    ok="#1A7440",
    ok_soft="#E2F2E8",
    warn="#865400",
    warn_soft="#FBF0D9",
    danger="#B3261E",
    danger_soft="#FBE6E4",
    learned="#C9500A",
    learned_text="#A8450B",
    learned_soft="#FCEADC",
    frozen="#7E93B5",
    frozen_text="#3F5F86",
    frozen_soft="#E6ECF4",
    cell_on="#F0A468",
    memory_weights="#7E93B5",
    memory_adapter="#D9590B",
    memory_optimizer="#76203A",
    memory_activations="#2A8F72",
    memory_logits="#E6C74C",
    memory_logits_edge="#59636E",
    memory_context="#5A626D",
    line_orange="#BB480C",
    line_orange_raw="#E2B299",
    line_blue="#1D45C0",
    line_green="#139E6F",
    line_plum="#5A2358",
    line_pink="#C9609F",
    line_grey="#5E6063",
    cell_edge="#FFFFFF",
)

DARK = Tokens(
    dark=True,
    window="#14181D",
    surface="#1B2026",
    raised="#262D35",
    sunken="#0F1317",
    rail="#101419",
    hover="#2A313A",
    track="#2A3139",
    line="#2C333C",
    line_strong="#3C454F",
    border="#6F7A87",
    grid="#262C34",
    text="#E6EAEF",
    text_2="#B0B9C4",
    text_3="#8F9AA6",
    accent="#7DB2FF",
    accent_hover="#9CC5FF",
    accent_soft="#1C2D45",
    on_accent="#0B1A30",
    ok="#63CB90",
    ok_soft="#173026",
    warn="#E6B450",
    warn_soft="#33290F",
    danger="#FF8F85",
    danger_soft="#3B1D1B",
    learned="#EE8420",
    learned_text="#F5A55F",
    learned_soft="#3A2714",
    frozen="#7C98CE",
    frozen_text="#9DB7D9",
    frozen_soft="#222D3D",
    cell_on="#B5601A",
    memory_weights="#7C98CE",
    memory_adapter="#EE8420",
    memory_optimizer="#CB3F66",
    memory_activations="#3CC9B6",
    memory_logits="#F3DB8C",
    memory_logits_edge="#F3DB8C",
    memory_context="#7E838A",
    line_orange="#F47F2E",
    line_orange_raw="#764829",
    line_blue="#6E9BFF",
    line_green="#4AD8B0",
    line_plum="#8F6BB8",
    line_pink="#E58FC0",
    line_grey="#7C8288",
    cell_edge="#4A545F",
)

MEMORY_PARTS = ("weights", "adapter", "optimizer", "activations", "logits", "context")
"""The drawn parts of a memory bar, in their fixed order."""
