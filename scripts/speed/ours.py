"""Rankscope: the real engine, driven as the worker drives it."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from core.control import Control
from core.errors import UserError
from core.events import RunEnded, RunStarted, StepDone
from core.run_folder import RunFolder
from core.training.loop import train
from speed.examples import Spec, digest, examples, ordered, settings
from speed.gate import Gate, StepTaken


def _whole_logits() -> None:
    from core.training.head import Head

    Head.of = classmethod(lambda cls, model: None)  # type: ignore[method-assign,assignment]


def _products_of_peft() -> None:
    from core.training import trainee

    trainee.shorten_products = lambda model, products: 0  # type: ignore[attr-defined]


PARTS: dict[str, Callable[[], None]] = {
    "chunked loss": _whole_logits,
    "short adapter products": _products_of_peft,
}
"""What no setting switches off, and how it is taken out of this process."""


def run(spec: Spec, gate: Gate) -> None:
    """Train until the parent has seen enough.

    Raises:
        UserError: The run ended by itself.
    """
    for part in spec.without:
        PARTS[part]()
    rows = examples(spec)
    order = iter(ordered(rows, len(rows) * 100))
    folder = Path(tempfile.mkdtemp(prefix="run-")) / "run"
    for event in train(RunFolder.create(folder, settings(spec)), Control()):
        match event:
            case RunStarted():
                gate.ready(data=digest(rows), precision=event.precision)
            case StepDone():
                batch = [next(order) for _ in range(spec.batch)]
                gate.step_done(StepTaken(event.loss, event.tokens, event.trained_tokens, batch))
            case RunEnded():
                raise UserError(f"Training {event.outcome}.", event.message)
