"""Measures losses before and after a change, on the task and on general text."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.data.encode import Example
from core.events import Event, Progress
from core.evidence.against_base import base_weight, find_intruders, tuned_vectors
from core.evidence.base_vectors import BaseVectors
from core.evidence.bench import Bench, rows_of
from core.evidence.examples import Examples, Pass
from core.evidence.gauge import gauged
from core.evidence.singular import Leading, Operator
from core.paths import resources_dir
from core.ranks.before_after import BASE, FULL, BeforeAfter, Change, Side
from core.ranks.damping import Damped, cap, damp
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
    residuals: list[float]


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
    parts = bench.gauge.parts
    if change.kind in ("damp", "cap"):
        return (yield from _beside_base(bench, change))
    sigma = bench.gauge.sigma
    if change.kind == "rank":
        kept = uniform(sigma, int(change.value))
    else:
        kept = by_energy({name: values**2 for name, values in sigma.items()}, change.value)
    ranks = ranks_of(kept)
    return _Changed([part.keep(ranks[name]) for name, part in parts.items()], [0.0] * len(parts))


def _beside_base(bench: Bench, change: Change) -> Generator[Event, None, _Changed]:
    """Return the adapter after a change that depends on W₀, module by module."""
    vectors = BaseVectors(bench.folder, bench.settings.model)
    changed = _Changed([], [])
    for number, (name, part) in enumerate(bench.gauge.parts.items()):
        bench.check()
        w = base_weight(bench, name)
        base = vectors.of(name, Operator.dense(w))
        if change.kind == "cap":
            changed.parts.append(cap(part, change.value * float(base.sigma[0])))
            changed.residuals.append(0.0)
        else:
            damped = _damped(part, w, base, change.value)
            changed.parts.append(damped.refitted)
            changed.residuals.append(damped.residual)
        share = (number + 1) / len(bench.gauge.parts)
        yield Progress(phase="evaluating", message=f"{change.name}: {name}", share=share)
    return changed


def _damped(part: Decomposition, w: torch.Tensor, base: Leading, strength: float) -> Damped:
    """Return the update with its sure intruders damped; a borderline direction is left alone."""
    matrix = Operator.dense(w)
    tuned = tuned_vectors(matrix, part)
    verdicts = find_intruders(matrix, tuned, base).verdicts()
    chosen = [i for i, verdict in enumerate(verdicts) if verdict == "intruder"]
    u, sigma, v = (
        x.double().cpu().numpy()
        for x in (tuned.u[:, chosen], tuned.sigma[chosen], tuned.v[:, chosen])
    )
    return damp(part, Decomposition(part.name, u, sigma, v), strength)


def _size(bench: Bench, parts: Sequence[Decomposition]) -> int:
    return parameters_of({p.name: len(p.sigma) for p in parts}, bench.gauge.shapes)
