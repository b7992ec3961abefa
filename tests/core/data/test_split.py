"""Held-out rows are chosen by content and seed."""

from dataclasses import replace

from core.data.rows import load_rows
from core.data.split import split_rows
from core.data.table import Message, RowTable
from core.settings import DataSettings

SETTINGS = DataSettings()


def table_of(*texts: str) -> RowTable:
    rows = tuple((Message("text", text),) for text in texts)
    return RowTable(rows=rows, columns=("text",), roles={"text": "text"}, format="text", path="")


NUMBERS = table_of(*(f"row {i}" for i in range(2000)))


def test_the_sides_make_up_the_whole() -> None:
    split = split_rows(NUMBERS, SETTINGS, 7)
    assert sorted(split.train + split.held_out) == list(range(2000))
    # binomial with n = 2000, p = 0.05: mean 100, standard deviation 9.7
    assert 60 < len(split.held_out) < 140


def test_the_seed_decides() -> None:
    assert split_rows(NUMBERS, SETTINGS, 7) == split_rows(NUMBERS, SETTINGS, 7)
    assert split_rows(NUMBERS, SETTINGS, 7) != split_rows(NUMBERS, SETTINGS, 8)


def test_appended_rows_move_no_other() -> None:
    longer = replace(NUMBERS, rows=NUMBERS.rows + table_of("new", "newer").rows)
    before = split_rows(NUMBERS, SETTINGS, 7).held_out
    assert tuple(i for i in split_rows(longer, SETTINGS, 7).held_out if i < 2000) == before


def test_duplicates_stay_on_one_side() -> None:
    table = table_of(*(f"row {i % 50}" for i in range(1000)))
    split = split_rows(table, DataSettings(held_out=0.3), 7)
    contents = [{table.rows[i] for i in side} for side in (split.train, split.held_out)]
    assert all(contents)
    assert not contents[0] & contents[1]


def test_a_few_rows_give_one_to_each_side() -> None:
    for seed in range(50):
        for share in (0.001, 0.5):
            split = split_rows(table_of("a", "b"), DataSettings(held_out=share), seed)
            assert len(split.train) == len(split.held_out) == 1


def test_nothing_is_held_out_where_nothing_can_be() -> None:
    assert split_rows(NUMBERS, DataSettings(held_out=0), 7).held_out == ()
    assert split_rows(table_of("a"), SETTINGS, 7).held_out == ()
    assert split_rows(table_of("a", "a"), SETTINGS, 7).train == (0, 1)


def test_the_starter_split_is_fixed() -> None:
    split = split_rows(load_rows(SETTINGS), SETTINGS, 7)
    assert len(split.held_out) == 153
    assert split.held_out[:3] == (25, 47, 52)


def test_repeated_rows_can_be_skipped() -> None:
    table = table_of(*(f"row {i % 50}" for i in range(1000)))
    for share in (0.0, 0.3):
        skipped = split_rows(table, DataSettings(held_out=share, skip_repeated=True), 7)
        whole = split_rows(table, DataSettings(held_out=share), 7)
        assert sorted(skipped.train + skipped.held_out) == list(range(50))
        assert set(skipped.train) <= set(whole.train)
        assert set(skipped.held_out) <= set(whole.held_out)
