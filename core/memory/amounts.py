"""Amounts of memory as people write them."""

import re

from core.errors import UserError

GIB = 2**30
UNITS = {"GiB": 2**30, "MiB": 2**20, "GB": 10**9, "MB": 10**6}
_AMOUNT = re.compile(r"\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z]*)\s*")


def parse_amount(text: str) -> int:
    """Return the bytes of 24GiB, 24 GB, 512MiB or 24 (GiB).

    Raises:
        UserError: It is none of these, or nothing.
    """
    match = _AMOUNT.fullmatch(text)
    units = {name.lower(): size for name, size in UNITS.items()} | {"": GIB}
    if match is None or match["unit"].lower() not in units or float(match["number"]) == 0:
        raise UserError(f"{text!r} is no amount of memory.", "Write it as 24GiB, 24GB or 8000MiB.")
    return round(float(match["number"]) * units[match["unit"].lower()])


def gib(size: float, digits: int = 3) -> str:
    """Return 6.25 GiB for bytes, with `digits` significant figures and at most two decimals."""
    value = size / GIB
    whole = len(str(int(abs(value))))
    return f"{value:,.{max(0, min(2, digits - whole))}f} GiB".replace("-", "−")
