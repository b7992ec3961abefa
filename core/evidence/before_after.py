"""Measures losses before and after a change, on the task and on general text."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from core.data.encode import Example
from core.events import Event
from core.evidence.against_base import base_weight
from core.evidence.base_vectors import BaseVectors
from core.evidence.bench import Bench, rows_of
from core.evidence.damped import damp_modules
from core.evidence.examples import Examples, Pass
from core.evidence.gauge import gauged
from core.evidence.singular import Operator
from core.paths import resources_dir
from core.ranks.before_after import BASE, FULL, BeforeAfter, Change, Side
from core.ranks.damping import cap
from core.ranks.metrics import Array
from core.ranks.selection import by_energy, parameters_of, ranks_of, uniform
from core.ranks.update import Decomposition
from core.settings import DataSettings

GENERAL_TEXT = resources_dir() / "data" / "general_text.txt"
_MOST = 10_000


@dataclass
class _Changed:
    """An adapter after a change: its modules, and what a refit left behind of each."""

    parts: list[Decomposition]
    residuals: Sequence[float] = (0.0,)


def measure_before_after(
    bench: Bench, rows: Sequence[Example], changes: Sequence[Change]
) -> Generator[Event, None, BeforeAfter]:
    """Return the losses of the base model, the adapter, and what each change makes of it.

    Raises:
        UserError: The general text cannot be read.
        Halt: A stop was asked for.
    """
    general_rows = yield from general_text(bench)
    texts = (bench.examples(rows), bench.examples(general_rows))
    passes = len(changes) + 2
    whole = list(bench.gauge.parts.values())
    sides: list[Side] = []
    with bench.model.disable_adapter():
        losses = yield from _both(bench, texts, "the base model", (0, passes))
    sides.append(Side(name=BASE, parameters=0, task=losses[0], general=losses[1]))
    losses = yield from _both(bench, texts, "the adapter", (1, passes))
    sides.append(Side(name=FULL, parameters=_size(bench, whole), task=losses[0], general=losses[1]))
    try:
        for number, change in enumerate(changes):
            changed = yield from _changed(bench, change)
            bench.gauge.put(gauged(part, part.sigma) for part in changed.parts)
            losses = yield from _both(bench, texts, change.name, (number + 2, passes))
            sides.append(
                Side(
                    name=change.name,
                    parameters=_size(bench, changed.parts),
                    residual=float(np.sqrt(np.mean(np.square(changed.residuals)))),
                    task=losses[0],
                    general=losses[1],
                )
            )
    finally:
        bench.gauge.restore()
    return BeforeAfter(
        adapter=bench.info.name,
        sides=tuple(sides),
        task_tokens=texts[0].tokens,
        general_tokens=texts[1].tokens,
    )


def general_text(bench: Bench) -> Generator[Event, None, Sequence[Example]]:
    """Return the paragraphs of the general text that ships with the program, as tokens."""
    data = DataSettings(path=str(GENERAL_TEXT), train_on="everything")
    rows, _ = yield from rows_of(bench, data, "all", _MOST)
    return rows


def _both(
    bench: Bench, texts: tuple[Examples, Examples], what: str, place: tuple[int, int]
) -> Generator[Event, None, list[Array]]:
    """Return the losses on the task and on general text."""
    number, passes = place
    found = []
    for i, (examples, text) in enumerate(zip(texts, ("the task", "general text"), strict=True)):
        now = Pass(f"{what} on {text}", 2 * number + i, 2 * passes)
        found.append((yield from examples.losses(bench.passage, bench.check, now)))
    return found


def _changed(bench: Bench, change: Change) -> Generator[Event, None, _Changed]:
    parts, sigma = bench.gauge.parts, bench.gauge.sigma
    if change.kind == "damp":
        damped = yield from damp_modules(bench, change.value)
        return _Changed(
            [one.refitted for one in damped.values()], [one.residual for one in damped.values()]
        )
    if change.kind == "cap":
        return _Changed(_capped(bench, change.value))
    if change.kind == "rank":
        kept = uniform(sigma, int(change.value))
    else:
        kept = by_energy({name: values**2 for name, values in sigma.items()}, change.value)
    ranks = ranks_of(kept)
    return _Changed([part.keep(ranks[name]) for name, part in parts.items()])


def _capped(bench: Bench, multiple: float) -> list[Decomposition]:
    """Return the modules with no σ above that multiple of σ₁(W₀)."""
    vectors = BaseVectors(bench.folder, bench.settings.model)
    parts = []
    for name, part in bench.gauge.parts.items():
        bench.check()
        base = vectors.of(name, Operator.dense(base_weight(bench, name)))
        parts.append(cap(part, multiple * float(base.sigma[0])))
    return parts


def _size(bench: Bench, parts: Sequence[Decomposition]) -> int:
    return parameters_of({p.name: len(p.sigma) for p in parts}, bench.gauge.shapes)
