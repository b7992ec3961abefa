"""Numbers on the command line that are refused before any work begins."""

import argparse
import math
from collections.abc import Callable


def whole(low: int) -> Callable[[str], int]:
    """Return the `type` of an option that takes whole numbers from `low` on."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < low:
            raise argparse.ArgumentTypeError(f"{value} is below {low}")
        return value

    return parse


def number(low: float = -math.inf, high: float = math.inf) -> Callable[[str], float]:
    """Return the `type` of an option that takes finite numbers from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{text} is not a finite number")
        if not low <= value <= high:
            limit = f"above {high:g}" if value > high else f"below {low:g}"
            raise argparse.ArgumentTypeError(f"{value:g} is {limit}")
        return value

    return parse
