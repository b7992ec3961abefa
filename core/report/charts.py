"""The curves of a run as one SVG, drawn without any library so that the page stands alone."""

import math
from collections.abc import Iterable

from core.history import History

WIDTH, HEIGHT, MARGIN = 720, 240, 44
_SMOOTHING = 0.9
_MOST_POINTS = 400

Points = list[tuple[float, float]]


def loss_chart(history: History) -> str:
    """Return training loss, smoothed, and validation loss over the steps; "" without any."""
    training = _finite(history.steps["step"], history.steps["loss"])
    validation = _finite(history.evaluations["step"], history.evaluations["loss"])
    everything = [*_smooth(training), *validation]
    if len(everything) < 2:
        return ""
    right = max(x for x, _ in everything) or 1.0
    low, high = min(y for _, y in everything), max(y for _, y in everything)
    high = high if high > low else low + 1.0

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x = MARGIN + (WIDTH - 2 * MARGIN) * point[0] / right
        y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (point[1] - low) / (high - low)
        return round(x, 1), round(y, 1)

    lines = [
        _line([place(p) for p in _thinned(_smooth(training))], "training"),
        _line([place(p) for p in validation], "validation"),
        *(_dot(place(p), "validation") for p in validation),
        _text(MARGIN - 6, MARGIN + 4, f"{high:.2f}", "end"),
        _text(MARGIN - 6, HEIGHT - MARGIN + 4, f"{low:.2f}", "end"),
        _text(MARGIN, HEIGHT - MARGIN + 20, "0", "middle"),
        _text(WIDTH - MARGIN, HEIGHT - MARGIN + 20, f"step {right:,.0f}", "end"),
    ]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Loss over the steps">'
        f"{''.join(lines)}</svg>"
    )


def _finite(steps: Iterable[float], losses: Iterable[float]) -> Points:
    pairs = zip(steps, losses, strict=True)
    return [(float(x), float(y)) for x, y in pairs if math.isfinite(y)]


def _smooth(points: Points) -> Points:
    """Return the bias-corrected moving mean that the window draws as well."""
    mean, weight, smooth = 0.0, 0.0, []
    for x, y in points:
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * y
        weight = _SMOOTHING * weight + (1 - _SMOOTHING)
        smooth.append((x, mean / weight))
    return smooth


def _thinned(points: Points) -> Points:
    every = max(1, math.ceil(len(points) / _MOST_POINTS))
    return [*points[:-1][::every], *points[-1:]]


def _line(points: Points, kind: str) -> str:
    path = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline class="{kind}" points="{path}"/>' if points else ""


def _dot(place: tuple[float, float], kind: str) -> str:
    return f'<circle class="{kind}" cx="{place[0]}" cy="{place[1]}" r="3"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>'
