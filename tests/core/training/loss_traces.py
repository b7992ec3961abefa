"""Scripted courses of a loss: benign ones, and ones that diverge from a known step on.

Each family is a function of a seed. Noise is multiplicative, as that of the mean over a batch is.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

Shape = Callable[[int], float]


@dataclass(frozen=True)
class Trace:
    """Losses by step; `onset` is the first step of the divergence, counted from 1, 0 for none."""

    name: str
    losses: list[float]
    onset: int = 0


def _falling(dice: random.Random, steps: int) -> Shape:
    start, end = dice.uniform(2.5, 5.0), dice.uniform(0.8, 2.0)
    pace = dice.uniform(0.02, 0.2) * steps
    return lambda step: end + (start - end) * math.exp(-step / pace)


def _noisy(dice: random.Random, steps: int, shape: Shape, noise: float) -> list[float]:
    return [shape(step) * math.exp(dice.gauss(0, noise)) for step in range(1, steps + 1)]


def warm_up(dice: random.Random) -> Trace:
    """A learning rate that rises: the loss rises a little with it, then falls."""
    steps, peak = dice.randint(60, 600), dice.uniform(1.1, 1.5)
    plain, length = _falling(dice, steps), dice.randint(5, 30)

    def shape(step: int) -> float:
        hump = (peak - 1) * math.sin(math.pi * step / (2 * length)) if step < 2 * length else 0
        return plain(step) * (1 + hump)

    return Trace("warm-up", _noisy(dice, steps, shape, 0.1))


def epoch_edges(dice: random.Random) -> Trace:
    """Rows that are known by heart: down at every new epoch, up a little within one."""
    epoch, epochs = dice.randint(30, 200), dice.randint(3, 8)
    start, drop = dice.uniform(2.0, 4.0), dice.uniform(0.4, 0.7)

    def shape(step: int) -> float:
        number, place = divmod(step - 1, epoch)
        return start * drop**number * (1 + 0.2 * place / epoch)

    return Trace("epoch edges", _noisy(dice, epoch * epochs, shape, 0.12))


def noisy_rate(dice: random.Random) -> Trace:
    """Small batches and a high rate: single losses far from the mean, up and down."""
    steps = dice.randint(200, 2000)
    return Trace("noisy", _noisy(dice, steps, _falling(dice, steps), dice.uniform(0.2, 0.35)))


def single_spikes(dice: random.Random) -> Trace:
    """Odd batches: three to ten times the loss for one to four steps, then as before."""
    steps = dice.randint(300, 1500)
    losses = _noisy(dice, steps, _falling(dice, steps), 0.08)
    for _ in range(dice.randint(1, 4)):
        start, height = dice.randrange(60, steps - 10), dice.uniform(3, 10)
        for step in range(start, start + dice.randint(1, 4)):
            losses[step] *= height
    return Trace("single spikes", losses)


def restarts(dice: random.Random) -> Trace:
    """A rate that starts anew: the loss goes up by half at most, and comes back."""
    steps, cycle = dice.randint(400, 1200), dice.randint(80, 200)
    plain, height = _falling(dice, steps), dice.uniform(0.2, 0.5)

    def shape(step: int) -> float:
        return plain(step) * (1 + height * math.exp(-(step % cycle) / 15) * (step > cycle))

    return Trace("restarts", _noisy(dice, steps, shape, 0.1))


def blow_up(dice: random.Random) -> Trace:
    """Growing by a few per cent a step until it stands at the loss of pure chance and above."""
    steps, onset = dice.randint(300, 1200), 0
    plain, onset = _falling(dice, steps), dice.randint(120, steps - 120)
    pace, top = dice.uniform(1.05, 1.3), dice.uniform(8, 12)

    def shape(step: int) -> float:
        return min(top, plain(step) * pace ** max(0, step - onset + 1))

    return Trace("blow-up", _noisy(dice, steps, shape, 0.08), onset)


def jump(dice: random.Random) -> Trace:
    """A jump to a loss that it never leaves again."""
    steps = dice.randint(300, 1500)
    plain, onset = _falling(dice, steps), dice.randint(120, steps - 100)
    height = dice.uniform(2.3, 6)
    level = plain(onset) * height
    return Trace(
        "jump", _noisy(dice, steps, lambda s: level if s >= onset else plain(s), 0.1), onset
    )


def early(dice: random.Random) -> Trace:
    """A rate that is too high from the start: down for some steps, then away."""
    steps = dice.randint(60, 120)
    onset, start = dice.randint(20, 35), dice.uniform(3, 5)
    low, pace = start * dice.uniform(0.4, 0.7), dice.uniform(1.06, 1.3)

    def shape(step: int) -> float:
        down = low + (start - low) * math.exp(-step / 6)
        return min(12.0, down * pace ** max(0, step - onset + 1))

    return Trace("early", _noisy(dice, steps, shape, 0.08), onset)


def slow_climb(dice: random.Random) -> Trace:
    """Up by a factor of three to six over some hundred steps: no step looks odd."""
    steps = dice.randint(900, 2000)
    plain, onset = _falling(dice, steps), dice.randint(200, 400)
    length, height = dice.randint(200, 450), dice.uniform(3, 6)

    def shape(step: int) -> float:
        done = min(1.0, max(0, step - onset + 1) / length)
        return plain(min(step, onset)) * height**done

    return Trace("slow climb", _noisy(dice, steps, shape, 0.1), onset)


def swings(dice: random.Random) -> Trace:
    """Growing swings: every third loss looks all right."""
    steps = dice.randint(300, 1000)
    plain, onset = _falling(dice, steps), dice.randint(120, steps - 120)
    growth = dice.uniform(0.05, 0.2)

    def shape(step: int) -> float:
        swing = 0 if step < onset or step % 3 == 0 else growth * (step - onset + 1)
        return min(12.0, plain(step) * (1 + swing))

    return Trace("swings", _noisy(dice, steps, shape, 0.08), onset)


BENIGN = (warm_up, epoch_edges, noisy_rate, single_spikes, restarts)
DIVERGENT = (blow_up, jump, early, slow_climb, swings)


def traces(
    families: tuple[Callable[[random.Random], Trace], ...], each: int, seed: int
) -> list[Trace]:
    """Return `each` traces of every family; the same seed gives the same ones."""
    return [family(random.Random(f"{seed}/{i}")) for i in range(each) for family in families]
