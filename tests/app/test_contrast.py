"""The colours, computed again: contrast by WCAG 2.x, differences as the colour-blind see them."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.style.tokens import DARK, LIGHT, MEMORY_PARTS, Tokens

THEMES = pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
GROUNDS = ("window", "surface", "sunken", "accent_soft")
TEXTS = ("text", "text_2", "text_3", "accent", "ok", "warn", "danger")
PAIRS = (
    ("on_accent", "accent"),
    ("on_accent", "accent_hover"),
    ("accent", "accent_soft"),
    ("ok", "ok_soft"),
    ("warn", "warn_soft"),
    ("danger", "danger_soft"),
    ("learned_text", "learned_soft"),
    ("frozen_text", "frozen_soft"),
)
MEANINGFUL = ("border", "learned", "frozen", "line_orange", "line_blue", "line_green")
MORE_LINES = ("line_plum", "line_pink", "line_grey")

# Machado, Oliveira and Fernandes 2009, severity 1.0, for linear RGB.
MACHADO = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
Floats = NDArray[np.float64]


def linear(color: str) -> Floats:
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    light, dark = sorted(
        (float(linear(color) @ [0.2126, 0.7152, 0.0722]) for color in (one, other)), reverse=True
    )
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: Floats) -> Floats:
    scaled = XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(scaled > (6 / 29) ** 3, np.cbrt(scaled), scaled / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one: Floats, other: Floats) -> float:
    """Sharma, Wu and Dalal 2005."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean_c = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = h2 - h1
    turn = turn - 360 if turn > 180 else turn + 360 if turn < -180 else turn
    turn = 0.0 if c1 * c2 == 0 else turn
    delta_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    mean_h = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    t = (
        1
        - 0.17 * np.cos(np.radians(mean_h - 30))
        + 0.24 * np.cos(np.radians(2 * mean_h))
        + 0.32 * np.cos(np.radians(3 * mean_h + 6))
        - 0.20 * np.cos(np.radians(4 * mean_h - 63))
    )
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    r_c = 2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7))
    r_t = -r_c * np.sin(np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2))))
    dl, dc, dh = (l2 - l1) / s_l, (c2 - c1) / s_c, delta_h / s_h
    return float(np.sqrt(dl**2 + dc**2 + dh**2 + r_t * dc * dh))


def test_ciede2000_against_published_pairs() -> None:
    pairs = [  # Sharma's test data: pairs 1, 7, 14 and 25
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, -0.001, 2.49), (50, 0.0011, -2.49), 4.7461),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ]
    for one, other, expected in pairs:
        assert ciede2000(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


def test_contrast_of_black_on_white() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)


@THEMES
def test_text_reaches_aa_on_every_ground(tokens: Tokens) -> None:
    for text, ground in itertools.product(TEXTS, GROUNDS):
        ratio = contrast(getattr(tokens, text), getattr(tokens, ground))
        assert ratio >= 4.5, f"{text} on {ground}: {ratio:.2f}"


@THEMES
def test_text_reaches_aa_in_rail_menus_and_under_the_pointer(tokens: Tokens) -> None:
    for text, ground in itertools.product(("text", "text_2"), ("rail", "raised", "hover")):
        assert contrast(getattr(tokens, text), getattr(tokens, ground)) >= 4.5
    for mark in ("ok", "warn", "danger", "accent"):
        assert contrast(getattr(tokens, mark), tokens.rail) >= 4.5


@THEMES
def test_pairs_reach_aa(tokens: Tokens) -> None:
    for text, ground in PAIRS:
        ratio = contrast(getattr(tokens, text), getattr(tokens, ground))
        assert ratio >= 4.5, f"{text} on {ground}: {ratio:.2f}"


@THEMES
def test_edges_and_graphics_reach_three(tokens: Tokens) -> None:
    for name in (*MEANINGFUL, *MORE_LINES):
        ratio = contrast(getattr(tokens, name), tokens.surface)
        assert ratio >= 3.0, f"{name}: {ratio:.2f}"
    for part in MEMORY_PARTS:
        name = "memory_logits_edge" if part == "logits" else f"memory_{part}"
        assert contrast(getattr(tokens, name), tokens.surface) >= 3.0, part


@THEMES
@pytest.mark.parametrize("sight", MACHADO)
def test_memory_parts_differ_for_the_colour_blind(tokens: Tokens, sight: str) -> None:
    matrix = np.array(MACHADO[sight])
    seen = {p: lab(matrix @ linear(getattr(tokens, f"memory_{p}"))) for p in MEMORY_PARTS}
    for one, other in itertools.combinations(MEMORY_PARTS, 2):
        difference = ciede2000(seen[one], seen[other])
        assert difference >= 10, f"{one} and {other}: {difference:.1f}"


def test_no_colour_outside_the_tokens() -> None:
    app = Path(__file__).parents[2] / "app"
    found = [
        f"{file.relative_to(app)}: {match.group()}"
        for file in app.rglob("*.py")
        if file.name != "tokens.py"
        for match in re.finditer(r"#[0-9A-Fa-f]{6}\b|#[0-9A-Fa-f]{3}\b", file.read_text("utf-8"))
    ]
    assert not found
