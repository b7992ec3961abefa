"""Columns of tokens give back what went in, and the numbers that the rows themselves give."""

import random

import pytest

from core.data.encode import Encoded
from core.data.stats import DataStats, summarise
from core.data.token_rows import TokenRows, TokenRowsBuilder


def random_row(rng: random.Random) -> Encoded:
    length = rng.choice([0, 1, 2, 30, rng.randint(3, 60)])
    everything = rng.random() < 0.1
    trained = tuple(i > 0 and (everything or rng.random() < 0.5) for i in range(length))
    ends = tuple(rng.randint(-1, length - 1) for _ in range(rng.randint(0, 3)))
    return Encoded(
        ids=tuple(rng.choices(range(200_000), k=length)),
        trained=trained,
        ends=ends,
        answers=len(ends) + rng.randint(0, 1),
        unlocated=rng.randint(0, 1),
    )


@pytest.fixture(scope="module")
def encoded() -> list[Encoded]:
    rng = random.Random(0)
    return [random_row(rng) for _ in range(300)]


@pytest.fixture(scope="module")
def tokens(encoded: list[Encoded]) -> TokenRows:
    builder = TokenRowsBuilder()
    builder.add(encoded[:7])
    builder.add(encoded[7:])
    return builder.build()


def test_rows_come_back_as_they_were(encoded: list[Encoded], tokens: TokenRows) -> None:
    assert [tokens[i] for i in range(len(tokens))] == encoded


@pytest.mark.parametrize("max_length", [8, 30, 1000])
def test_examples_are_those_of_the_rows(
    encoded: list[Encoded], tokens: TokenRows, max_length: int
) -> None:
    rows = list(range(0, 300, 3))
    expected = [encoded[i].cut_to(max_length, i) for i in rows]
    expected = [example for example in expected if example.trained_tokens]
    examples = tokens.cut_to(max_length, rows)
    assert 0 < len(examples) == len(expected) < 100
    assert list(examples) == expected
    assert examples[-1] == expected[-1]
    assert list(examples[2:9]) == expected[2:9]
    assert examples.lengths == [len(example.ids) for example in expected]
    assert examples.trained_lengths == [example.trained_tokens for example in expected]
    with pytest.raises(IndexError):
        examples[len(examples)]


@pytest.mark.parametrize("max_length", [8, 30, 1000])
def test_statistics_are_sums_over_the_rows(
    encoded: list[Encoded], tokens: TokenRows, max_length: int
) -> None:
    cut = [row.cut_to(max_length, i) for i, row in enumerate(encoded)]
    trained = tuple(example.trained_tokens for example in cut)
    assert summarise(tokens, max_length) == DataStats(
        lengths=tuple(len(row.ids) for row in encoded),
        trained_lengths=trained,
        tokens=sum(len(example.ids) for example in cut),
        trained_tokens=sum(trained),
        cut_rows=sum(example.cut > 0 for example in cut),
        cut_trained_tokens=sum(example.cut_trained for example in cut),
        empty_rows=trained.count(0),
        answers=sum(example.answers for example in cut),
        unlocated=sum(example.unlocated for example in cut),
        open_ends=sum(example.open_ends for example in cut),
        cut_ends=sum(example.cut_ends for example in cut),
        largest_id=max(max(row.ids, default=-1) for row in encoded),
    )


def test_no_rows_have_no_numbers() -> None:
    assert summarise(TokenRowsBuilder().build(), 8) == DataStats()


def test_a_token_takes_little_more_than_four_bytes() -> None:
    row = Encoded(
        ids=tuple(range(60)),
        trained=(False,) * 30 + (True,) * 30,
        ends=(59,),
        answers=1,
        unlocated=0,
    )
    builder = TokenRowsBuilder()
    builder.add([row] * 1000)
    assert builder.build().batch.nbytes < 5 * 60 * 1000
