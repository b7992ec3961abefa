"""Near-duplicates found by sketches are those that comparing all pairs finds."""

import random
import re

from core.data.near_duplicates import SIMILAR, WORDS, NearDuplicates
from core.data.table import Conversation, Message


def row(text: str) -> Conversation:
    return (Message("user", "Tell me."), Message("assistant", text))


def found_in(rows: list[Conversation]) -> dict[int, int]:
    compared = NearDuplicates()
    for index, one in enumerate(rows):
        compared.add(index, one)
    return compared.first_of


def runs(one: Conversation) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", " ".join(message.content for message in one).lower())
    return {tuple(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1)}


def similarity(one: Conversation, other: Conversation) -> float:
    a, b = runs(one), runs(other)
    return len(a & b) / len(a | b)


def test_all_pairs_that_comparing_finds_are_found() -> None:
    chance = random.Random(7)
    vocabulary = [f"word{i}" for i in range(200)]
    rows = [row(" ".join(chance.choices(vocabulary, k=60))) for _ in range(100)]
    for _ in range(100):
        words = rows[chance.randrange(100)][1].content.split()
        for _ in range(chance.randrange(6)):
            words[chance.randrange(len(words))] = chance.choice(vocabulary)
        rows.append(row(" ".join(words)))
    slow = {
        index: first
        for index, one in enumerate(rows)
        if (first := next((i for i in range(index) if similarity(rows[i], one) >= SIMILAR), None))
        is not None
    }
    found = found_in(rows)
    assert len(slow) > 40
    assert set(found) <= set(slow)
    assert len(found) >= 0.97 * len(slow)


def test_case_and_punctuation_do_not_tell_rows_apart() -> None:
    assert found_in([row("A cat is a small animal."), row("a CAT is a small animal!!")]) == {1: 0}


def test_short_and_empty_rows() -> None:
    empty = (Message("text", " … "),)
    assert found_in([row("Yes."), row("No."), row("Yes"), empty, empty]) == {2: 0}
