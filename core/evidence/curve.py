"""Measures the truncation-loss curve: one loaded model, its components masked again and again."""

from collections.abc import Generator, Sequence

import numpy as np

from core.data.encode import Example
from core.events import Event
from core.evidence.bench import Bench
from core.evidence.examples import Pass
from core.ranks.curve import CurvePoint, LossCurve, Mode, Rows
from core.ranks.functional import FunctionalSpectra
from core.ranks.metrics import Array
from core.ranks.selection import (
    Kept,
    by_budget,
    by_energy,
    parameters_of,
    ranks_of,
    uniform,
)

SHARES = (0.5, 0.8, 0.9, 0.95, 0.99)
"""τ of the modes "energy" and "functional"."""

_FEWEST_STEPS = 5  # in a fifth of the run, to speak of a trend


def measure_curve(
    bench: Bench,
    rows: Sequence[Example],
    kind: Rows,
    *,
    available: int,
    use: FunctionalSpectra,
    modes: Sequence[Mode],
    still_falling: bool | None,
) -> Generator[Event, None, LossCurve]:
    """Return the held-out losses of the base, of the whole adapter, and of less and less of it.

    Args:
        bench: The loaded model.
        rows: The examples.
        kind: Where they are from.
        available: How many there are of that kind.
        use: How the data use the components, for the functional mode and the verdict.
        modes: The lines that are wanted.
        still_falling: Whether the training loss was, at the end.

    Raises:
        Halt: A stop was asked for.
    """
    choices = list(_choices(bench, use, modes))
    examples, gauge = bench.examples(rows), bench.gauge
    passes = len(choices) + 2
    with bench.model.disable_adapter():
        now = Pass("the base model", 0, passes)
        base = yield from examples.losses(bench.passage, bench.check, now)
    now = Pass("the whole adapter", 1, passes)
    full = yield from examples.losses(bench.passage, bench.check, now)
    points: list[CurvePoint] = []
    try:
        for number, (mode, setting, kept) in enumerate(choices):
            losses = full
            if not all(mask.all() for mask in kept.values()):
                gauge.keep(kept)
                now = Pass(f"{mode}, {setting:g}", number + 2, passes)
                losses = yield from examples.losses(bench.passage, bench.check, now)
            ranks = ranks_of(kept)
            points.append(
                CurvePoint(
                    mode=mode,
                    setting=setting,
                    ranks=ranks,
                    parameters=parameters_of(ranks, gauge.shapes),
                    losses=losses,
                )
            )
    finally:
        gauge.restore()
    return LossCurve(
        adapter=bench.info.name,
        rank=_rank(bench),
        parameters=_whole(bench),
        rows=kind,
        available=available,
        tokens=examples.tokens,
        base=base,
        full=full,
        points=tuple(points),
        uses_its_rank=use.uses_its_rank,
        still_falling=still_falling,
    )


def _choices(
    bench: Bench, use: FunctionalSpectra, modes: Sequence[Mode]
) -> Generator[tuple[Mode, float, Kept], None, None]:
    """Yield what stays at each point; the budgets are those of the uniform ranks."""
    sigma, shapes = bench.gauge.sigma, bench.gauge.shapes
    ranks = uniform_ranks(_rank(bench))
    yield from (("uniform", k, uniform(sigma, k)) for k in ranks)
    if "energy" in modes:
        energies = {name: values**2 for name, values in sigma.items()}
        yield from (("energy", share, by_energy(energies, share)) for share in SHARES)
    if "budget" in modes:
        for k in ranks[:-1]:
            budget = parameters_of(ranks_of(uniform(sigma, k)), shapes)
            yield "budget", budget, by_budget(sigma, shapes, budget)
    if "functional" in modes:
        used = {module.name: module.energies for module in use.modules}
        yield from (("functional", share, by_energy(used, share)) for share in SHARES)


def uniform_ranks(rank: int) -> list[int]:
    """Return 1, 2, 4, … and r."""
    return [*(2**i for i in range(int(np.ceil(np.log2(rank))))), rank]


def _rank(bench: Bench) -> int:
    return max(len(values) for values in bench.gauge.sigma.values())


def _whole(bench: Bench) -> int:
    ranks = {name: len(values) for name, values in bench.gauge.sigma.items()}
    return parameters_of(ranks, bench.gauge.shapes)


def still_falling(losses: Array) -> bool | None:
    """Tell whether the training loss was going down at the end, None where there are few steps.

    The mean of the last fifth of all steps must be below that of the fifth before by more than two
    standard errors of the difference.
    """
    fifth = len(losses) // 5
    if fifth < _FEWEST_STEPS:
        return None
    last, before = losses[-fifth:], losses[-2 * fifth : -fifth]
    error = np.sqrt((last.var(ddof=1) + before.var(ddof=1)) / fifth)
    return bool(before.mean() - last.mean() > 2 * error)
