"""What follows from how often each length occurs is what the rows themselves come to."""

import json
import random

import pytest

from core.data.lengths import LONGEST_KEPT, RowLengths, Tally
from core.data.padding import padded_share
from core.data.stats import summarise
from core.data.token_rows import TokenRows, TokenRowsBuilder
from tests.core.data.test_token_rows import random_row


@pytest.fixture(scope="module")
def tokens() -> TokenRows:
    rng, builder = random.Random(1), TokenRowsBuilder()
    builder.add([random_row(rng) for _ in range(LONGEST_KEPT + 400)])
    return builder.build()


@pytest.mark.parametrize("limit", [1, 8, 29, 30, 31, 59, 60, 1000])
def test_every_cut_is_answered_as_the_rows_answer_it(tokens: TokenRows, limit: int) -> None:
    lengths = RowLengths.from_json(json.loads(json.dumps(RowLengths.of(tokens).as_json())))
    stats = summarise(tokens, limit)
    assert len(lengths) == stats.rows
    assert lengths.left(limit) == stats.tokens
    assert lengths.trained(limit) == stats.trained_tokens
    assert lengths.lost(limit) == stats.cut_trained_tokens
    assert lengths.cut(limit) == stats.cut_rows
    assert lengths.untrained(limit) == stats.empty_rows
    longest, trained = lengths.longest_at(limit)
    assert longest == sorted(stats.lengths, reverse=True)[:LONGEST_KEPT]
    pairs = set(zip(stats.lengths, stats.trained_lengths, strict=True))
    assert set(zip(longest, trained, strict=True)) <= pairs


def test_no_rows_have_no_lengths() -> None:
    lengths = RowLengths.of(TokenRowsBuilder().build())
    assert (len(lengths), lengths.left(8), lengths.untrained(8)) == (0, 0, 0)
    assert lengths.longest_at(8) == ([], [])
    assert RowLengths.from_json({}) == RowLengths()


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.95, 0.99, 1.0])
def test_a_percentile_is_that_of_all_numbers(share: float) -> None:
    numbers = [*range(90)] * 3 + [7] * 50
    nearest = sorted(numbers)[max(0, -int(-share * len(numbers) // 1) - 1)]
    assert Tally.of(numbers).percentile(share) == nearest


def test_padding_is_what_random_batches_have() -> None:
    rng = random.Random(3)
    numbers = [rng.choice([10, 20, 90, rng.randint(5, 60)]) for _ in range(5000)]
    batches = [rng.sample(numbers, 8) for _ in range(20_000)]
    for limit in (50, 1000):
        cut = [[min(n, limit) for n in batch] for batch in batches]
        padded = sum(8 * max(batch) for batch in cut)
        drawn = 1 - sum(map(sum, cut)) / padded
        assert padded_share(Tally.of(numbers), limit, 8) == pytest.approx(drawn, abs=0.005)
    assert padded_share(Tally.of(numbers), 50, 1) == 0.0
