"""The harness of the benchmark: fair data, honest statistics, no ratio without parity."""

import json
import statistics
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from speed.designs import AGAIN, RACES, TRAINER, Place, Race  # noqa: E402
from speed.examples import IGNORED, Spec, digest, examples, labels, ordered  # noqa: E402
from speed.figures import ratio  # noqa: E402
from speed.parity import BF16, Parity  # noqa: E402
from speed.report import BEGIN, END, Result, table, write_section  # noqa: E402
from speed.rounds import Measured, Turn, open_children  # noqa: E402
from speed.rows import MIXES, write_rows  # noqa: E402


@pytest.fixture
def spec(tmp_path: Path, tiny_model: Path) -> Spec:
    rows = write_rows(tmp_path / "rows.jsonl", mix="alpaca", count=12)
    return Spec(name="ours", system="ours", model=str(tiny_model), rows=str(rows), batch=4)


def measured(name: str, rates: list[float]) -> Measured:
    turns = [Turn(tokens=100, cpu=100 / rate, wall=1.0, load=0.5, steps=[]) for rate in rates]
    return Measured(name, by_cpu=turns)


def result(*, again: float = 1.0, trainer: float = 0.3, error: float = 0.0) -> Result:
    rates = [100.0, 104.0, 96.0, 101.0, 99.0, 102.0, 98.0]
    names = {"Rankscope": 1.0, AGAIN: again, TRAINER: trainer}
    specs = tuple(Spec(name=n, system="ours", model="m", rows="r") for n in names)
    parity = [Parity(n, (4.0, 3.0 * (1 + error)), (4.0, 3.0), 4.0) for n in names]
    of = [measured(n, [rate * factor for rate in rates]) for n, factor in names.items()]
    return Result(Race("P1", "a race", specs, {TRAINER: 2.5}), of, parity)


def test_the_ratio_is_the_median_of_pairs_and_its_interval_holds_it() -> None:
    ours, theirs = [10.0, 22.0, 30.0, 44.0, 50.0], [5.0, 10.0, 15.0, 20.0, 20.0]
    found = ratio(ours, theirs)
    assert found.median == statistics.median([2.0, 2.2, 2.0, 2.2, 2.5])
    assert 2.0 <= found.low <= found.median <= found.high <= 2.5


def test_load_that_a_round_shares_does_not_widen_the_interval() -> None:
    busy = [1.0, 0.2, 0.7, 0.4, 0.9, 0.3, 0.5]
    found = ratio([3 * speed for speed in busy], busy)
    assert found.low == pytest.approx(3.0)
    assert found.high == pytest.approx(3.0)


@pytest.mark.parametrize("mix", MIXES)
def test_rows_are_the_same_for_one_seed(tmp_path: Path, mix: str) -> None:
    first = write_rows(tmp_path / "a", mix=mix, count=20).read_bytes()
    assert write_rows(tmp_path / "b", mix=mix, count=20).read_bytes() == first
    assert write_rows(tmp_path / "c", mix=mix, count=20, seed=12).read_bytes() != first


def test_more_supervised_words_are_more_of_the_answers(tmp_path: Path) -> None:
    def share(supervised: float) -> float:
        file = write_rows(tmp_path / "rows", mix="alpaca", count=50, supervised=supervised)
        rows = [json.loads(line)["messages"] for line in file.read_text().splitlines()]
        counts = [[len(message["content"].split()) for message in row] for row in rows]
        return sum(answer for _, answer in counts) / sum(map(sum, counts))

    assert share(0.1) == pytest.approx(0.1, abs=0.03)
    assert share(0.5) == pytest.approx(0.5, abs=0.03)


def test_peers_get_the_ids_masks_and_order_of_ours(spec: Spec) -> None:
    peer = Spec(**{**spec.__dict__, "system": "trainer", "changes": {"bf16": True}})
    rows = examples(spec)
    assert digest(examples(peer)) == digest(rows)
    assert sorted(ordered(rows, len(rows))) == list(range(len(rows)))
    for row in rows:
        kept = [label != IGNORED for label in labels(row)]
        assert kept == list(row.trained)


def test_ours_steps_when_asked_and_says_which_rows_it_took(spec: Spec) -> None:
    rows = examples(spec)
    children = open_children([spec])
    try:
        turn = children[0].turn(steps=2, threads=1)
    finally:
        children[0].close()
    taken = [row for step in turn.steps for row in step["rows"]]
    assert taken == ordered(rows, 8)
    assert turn.tokens == sum(len(rows[i].ids) for i in taken)
    assert turn.cpu > 0


def test_every_design_compares_with_ours_and_ours_again(tmp_path: Path) -> None:
    place = Place(tmp_path, lambda name: name)
    for design in RACES.values():
        for race in design(place):
            names = [one.name for one in race.specs]
            assert names[1] == AGAIN
            assert len(set(names)) == len(names)
            assert set(race.targets) <= set(names)
            assert {(one.batch, one.max_length, one.bits) for one in race.specs} == {
                (race.specs[0].batch, race.specs[0].max_length, race.specs[0].bits)
            }


def test_a_reached_target_and_a_missed_one_are_told_apart() -> None:
    assert result().kept
    assert "≥ 2.5: reached" in table(result())
    assert not result(trainer=0.5).kept
    assert "≥ 2.5: **missed**" in table(result(trainer=0.5))


def test_there_is_no_headline_where_ours_differs_from_itself() -> None:
    busy = result(again=0.93)
    assert not busy.kept
    assert "No headline" in table(busy)
    assert "reached" not in table(busy)


@pytest.mark.parametrize("error", [2 * BF16, float("nan")])
def test_there_is_no_ratio_without_parity(error: float) -> None:
    off = result(error=error)
    assert not off.kept
    assert "No ratio" in table(off)
    assert "3.33" not in table(off)


def test_only_what_stands_between_the_marks_is_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.md"
    file.write_text("# Results\n\nBefore.\n")
    write_section(file, "P1", "first")
    file.write_text(file.read_text() + "\nAfter.\n")
    write_section(file, "P1", "second")
    begin, end = BEGIN.format(design="P1"), END.format(design="P1")
    assert file.read_text() == f"# Results\n\nBefore.\n\n{begin}\n\nsecond\n\n{end}\n\nAfter.\n"
    write_section(file, "P9", "third")
    assert "second" in file.read_text()
