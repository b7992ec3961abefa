"""Seeded rows to train on, written as the JSONL files that a user would bring.

Lengths are those of the whole row as the starter model's template renders it, one word being one
token; the median of the Alpaca-like mix (about 100) is that of the Alpaca data with a template.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path

_WORDS = (
    "time year people way day man thing woman life child world school state family student group "
    "country problem hand part place case week company system program question work night point "
    "home water room mother area money story fact month lot right study book eye job word"
)
_OVERHEAD = 36  # tokens of the template around a prompt and its answer: system prompt, roles, ends
_TURN = 10  # those of one more question with its answer
_SHORTEST, _LONGEST = 16, 512


def _alpaca(dice: random.Random) -> int:
    return round(min(_LONGEST, max(_SHORTEST, dice.lognormvariate(4.6, 0.6))))


def _uniform(dice: random.Random) -> int:
    return 512


def _mixed(dice: random.Random) -> int:
    return 2000 if dice.random() < 0.1 else round(dice.uniform(40, 120))


_LENGTHS: dict[str, Callable[[random.Random], int]] = {
    "alpaca": _alpaca,
    "uniform": _uniform,
    "chat": _alpaca,
    "mixed": _mixed,
}
LONGEST = {"alpaca": 512, "uniform": 512, "chat": 512, "mixed": 2048}
MIXES = tuple(_LENGTHS)


def write_rows(
    file: Path, *, mix: str, count: int, supervised: float = 0.4, seed: int = 11
) -> Path:
    """Write `count` rows of a mix of lengths and return the file.

    Args:
        file: Where to.
        mix: alpaca (log-normal, median about 100, 16 to 512 tokens), uniform (512), chat (four
            turns of such lengths) or mixed (nine in ten short, the tenth 2,000).
        count: Rows.
        supervised: Share of the words that belong to answers.
        seed: Of lengths and words.
    """
    dice = random.Random(f"{seed}/{mix}/{supervised}")
    lines = []
    for _ in range(count):
        length = _LENGTHS[mix](dice)
        if mix == "chat":
            parts = [(_turn(dice, max(length // 2, 24) - _TURN, supervised)) for _ in range(4)]
        else:
            parts = [_turn(dice, length - _OVERHEAD, supervised)]
        messages = []
        for prompt, answer in parts:
            messages.append({"role": "user", "content": prompt})
            messages.append({"role": "assistant", "content": answer})
        lines.append(json.dumps({"messages": messages}))
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def _turn(dice: random.Random, words: int, supervised: float) -> tuple[str, str]:
    answer = max(1, round(max(words, 2) * supervised))
    return _text(dice, max(1, words - answer)), _text(dice, answer)


def _text(dice: random.Random, words: int) -> str:
    return " ".join(dice.choices(_WORDS.split(), k=words))
