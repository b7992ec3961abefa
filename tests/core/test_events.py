"""Events cross a process boundary as one JSON line each."""

import dataclasses
import json
import math
from typing import Any

import pytest

from core.events import Event, RunEnded, StepDone, from_line, to_line

KINDS = sorted(Event.__subclasses__(), key=lambda kind: kind.name)
SAMPLES: dict[Any, Any] = {int: 7, float: 0.1, str: "ä\n", bool: True, list[str]: ["a"]}


def sample(kind: type[Event]) -> Event:
    values = {f.name: SAMPLES.get(f.type, {"k": [1, 2.5]}) for f in dataclasses.fields(kind)}
    return kind(**values)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_round_trip(kind: type[Event]) -> None:
    event = sample(kind)
    line = to_line(event, seq=3)
    assert "\n" not in line
    assert json.loads(line)["event"] == kind.name
    assert from_line(line) == event


@pytest.mark.parametrize("text", ["one\u2028two\x85three", "half a pair \udcff"])
def test_any_text_is_one_line_that_every_pipe_takes(text: str) -> None:
    event = RunEnded(outcome="failed", message=text)
    line = to_line(event)
    assert len(line.splitlines()) == 1
    assert from_line(line.encode().decode()) == event


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_non_finite_numbers_survive(value: float) -> None:
    step = dataclasses.replace(sample(StepDone), loss=value)
    line = to_line(step)
    assert "NaN" not in line
    assert "Infinity" not in line
    again = from_line(line)
    assert isinstance(again, StepDone)
    assert repr(again.loss) == repr(value)


def test_losses_keep_full_precision() -> None:
    step = dataclasses.replace(sample(StepDone), loss=2.7182818284590455)
    again = from_line(to_line(step))
    assert isinstance(again, StepDone)
    assert again.loss.hex() == step.loss.hex()


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "null", '"step"', '{"event": "unknown"}', '{"event": "step"}', "[" * 100_000],
)
def test_malformed_lines_are_ignored(line: str) -> None:
    assert from_line(line) is None


def test_unknown_keys_are_ignored() -> None:
    line = json.loads(to_line(RunEnded(outcome="finished")))
    assert from_line(json.dumps({**line, "from_the_future": 1})) is not None
