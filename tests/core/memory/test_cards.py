"""The cards to plan for: what must hold of every entry, and what torch reports of some."""

import re

import pytest

from core.memory.cards import CARDS, custom_card, usable_gib
from core.memory.devices import Device
from core.memory.overhead import context_bytes

GIB, MIB = 2**30, 2**20
BY_NAME = {card.name: card for card in CARDS}
GENERATIONS = {  # of developer.nvidia.com/cuda-gpus and /cuda-legacy-gpus, by the form of a name
    r"GeForce GTX 10|TITAN X|Quadro P\d|Tesla P4": {(6, 1)},
    r"Tesla P100|Quadro GP100": {(6, 0)},
    r"V100|TITAN V|GV100": {(7, 0)},
    r"GeForce GTX 16|GeForce RTX 20[678]|TITAN RTX|Quadro RTX|Tesla T4|T10": {(7, 5)},
    r"A100\b|A30$|A800": {(8, 0)},
    r"GeForce RTX 30|GeForce RTX 2050|RTX A\d|NVIDIA A(2|10|10G|16|40)\b": {(8, 6)},
    r"GeForce RTX 40|\bAda\b|NVIDIA L\d": {(8, 9)},
    r"NVIDIA (GH200|H\d)": {(9, 0)},
    r"B200": {(10, 0)},
    r"B300": {(10, 3)},
    r"GeForce RTX 50|RTX PRO": {(12, 0)},
    r"GB10": {(12, 1)},
}
MEMORY = {1.5, 3, 4, 5, 6, 8, 10, 11, 12, 16, 18, 20, 24, 32, 36, 40, 48, 64, 72, 80, 96, 128}
LARGE = {79.65, 93.58, 95.58, 140.4, 143.39, 179.06, 185.03, 192, 256, 268.59, 288, 512}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_card_is_plausible(card: Device) -> None:
    gib, usable = card.total_bytes / GIB, card.free_bytes / GIB
    assert card.kind == "card"
    assert card.series.startswith(card.name.split()[0])
    assert min(abs(gib - size) for size in MEMORY | LARGE) < 0.01
    assert 0.66 * gib < usable < gib
    if card.name.startswith("NVIDIA"):
        found = [caps for form, caps in GENERATIONS.items() if re.search(form, card.name)]
        assert found, "of no known generation"
        assert all(card.compute_capability in caps for caps in found)
        assert usable > 0.89 * gib
    else:
        assert card.compute_capability == (0, 0)


def test_each_card_is_there_once_and_all_makers_are() -> None:
    assert len(BY_NAME) == len(CARDS) > 200
    assert {name.split()[0] for name in BY_NAME} == {"NVIDIA", "AMD", "Intel", "Apple"}


def test_a_size_in_the_name_is_the_size() -> None:
    for card in CARDS:
        stated = re.search(r"(\d+) GB", card.name)
        if stated and "Ryzen" not in card.name:
            assert card.total_bytes / GIB == pytest.approx(int(stated[1]), rel=0.005), card.name


def test_laptop_cards_have_another_memory_than_the_desktop_card() -> None:
    for name, card in BY_NAME.items():
        desktop = BY_NAME.get(name.split(" Laptop")[0])
        if " Laptop" in name and desktop is not None:
            assert card.total_bytes != desktop.total_bytes, name


@pytest.mark.parametrize(
    ("gib", "ecc", "reported"),
    [  # "has a total capacity of … GiB", torch 2 under Linux
        (4, False, 3.68),  # RTX 3050 Laptop
        (6, False, 5.65),  # RTX 4050 Laptop
        (8, False, 7.66),
        (8, False, 7.52),
        (11, False, 10.57),  # RTX 2080 Ti
        (11, False, 10.75),  # RTX 2080 Ti, older driver
        (12, False, 11.63),  # RTX 3060
        (16, False, 15.46),  # RTX 5060 Ti
        (16, False, 15.57),
        (20, False, 19.58),
        (24, False, 23.52),  # RTX 4090
        (32, False, 31.36),  # RTX 5090
        (48, False, 47.4),  # RTX 6000 Ada
        (96, False, 94.97),  # RTX PRO 6000
        (16, True, 14.56),  # T4
        (24, True, 22.03),  # L4, A10G
        (48, True, 44.4),  # L40S
        (40, False, 39.49),  # A100
        (80, False, 79.15),  # A100
    ],
)
def test_the_rule_of_the_driver_against_what_torch_reports(
    gib: float, ecc: bool, reported: float
) -> None:
    assert usable_gib("NVIDIA", gib, ecc=ecc) == pytest.approx(reported, abs=0.14)


def test_measured_cards_are_as_measured() -> None:
    assert BY_NAME["NVIDIA A100 80 GB"].free_bytes == round(79.15 * GIB)
    assert BY_NAME["NVIDIA Tesla T4"].free_bytes == 14_912 * MIB
    assert BY_NAME["Apple silicon, 16 GB"].free_bytes == pytest.approx(12_713_115_648, rel=1e-3)
    assert BY_NAME["Apple silicon, 8 GB"].free_bytes == pytest.approx(5_726_623_061, rel=1e-3)
    assert BY_NAME["Apple silicon, 192 GB"].free_bytes == 144 * GIB


@pytest.mark.parametrize(
    ("name", "measured"),
    [
        ("NVIDIA Tesla T4", 141),
        ("NVIDIA GeForce RTX 3090", 256),
        ("NVIDIA RTX 6000 Ada", 426),
        ("NVIDIA B200", 612),
    ],
)
def test_measured_contexts_lie_in_the_range_of_their_generation(name: str, measured: int) -> None:
    found = context_bytes(BY_NAME[name])
    assert found.low <= measured * MIB <= found.likely + 100 * MIB
    assert found.likely <= found.high


def test_of_an_unknown_card_the_context_is_any() -> None:
    anything, t4 = context_bytes(custom_card(GIB)), context_bytes(BY_NAME["NVIDIA Tesla T4"])
    b200 = context_bytes(BY_NAME["NVIDIA B200"])
    assert t4.likely < anything.likely < b200.likely
