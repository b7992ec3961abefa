"""How `rankscope train` reports: a bar on a terminal, lines elsewhere, JSON where asked for."""

import sys
import textwrap
import time
from typing import Protocol, TextIO

from tqdm import tqdm

from core.events import (
    AdapterProven,
    CheckpointSaved,
    Evaluated,
    Event,
    LossSpike,
    MemoryMeasured,
    Notice,
    Progress,
    RunEnded,
    RunStarted,
    Sampled,
    StepDone,
    to_line,
)
from core.run_folder import RunFolder

_GIB = 2**30
_LINE_SECONDS = 2.0


class Reporter(Protocol):
    """Tells a person or a program what a run says."""

    def preparing(self) -> None:
        """Say that the libraries are being loaded, which takes seconds."""

    def take(self, event: Event) -> None:
        """Report one event."""


def reporter_for(run: RunFolder, *, as_json: bool, stream: TextIO) -> Reporter:
    """Return the reporter for this kind of output."""
    if as_json:
        return JsonReporter(stream)
    return TextReporter(run, stream, bar=stream.isatty())


class JsonReporter:
    """One event per line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def preparing(self) -> None:
        """Say nothing: the output is for a program."""

    def take(self, event: Event) -> None:
        """Write one line."""
        self._stream.write(to_line(event) + "\n")
        self._stream.flush()


class TextReporter:
    """Sentences, and a progress bar on a terminal."""

    def __init__(self, run: RunFolder, stream: TextIO, *, bar: bool) -> None:
        self._run = run
        self._stream = stream
        self._wants_bar = bar
        self._bar: tqdm | None = None
        self._phase = ""
        self._last_line = 0.0
        self._losses: list[float] = []
        self._steps = 0

    def preparing(self) -> None:
        """Say that the libraries are being loaded, which takes seconds."""
        self._say(f"Run {self._run.path}\nLoading the libraries …")

    def take(self, event: Event) -> None:
        """Report one event."""
        match event:
            case Progress():
                self._progress(event)
            case RunStarted():
                self._started(event)
            case StepDone():
                self._step(event)
            case Evaluated():
                self._losses.append(event.loss)
                better = event.best and event.loss < self._losses[0]
                best = ", the best so far" if better else ""
                self._say(f"step {event.step}: validation loss {event.loss:.4f}{best}")
            case RunEnded():
                self._ended(event)
            case _:
                for line in _lines(event):
                    self._say(line)

    def _progress(self, event: Progress) -> None:
        if event.phase != self._phase and event.phase not in ("evaluating", "saving"):
            self._say(f"{event.message} …")
        self._phase = event.phase

    def _started(self, event: RunStarted) -> None:
        share = event.trainable_parameters / max(1, event.parameters)
        self._say(
            f"Training {event.trainable_parameters:,} of {event.parameters:,} parameters "
            f"({share:.2%}) on {event.rows:,} rows, {event.precision}."
        )
        self._steps = event.total_steps
        if self._wants_bar:
            self._bar = tqdm(
                total=event.total_steps,
                initial=event.first_step,
                unit="step",
                file=sys.stderr,
                dynamic_ncols=True,
            )

    def _step(self, event: StepDone) -> None:
        numbers = f"loss {event.loss:.4f}, {event.tokens_per_second:.0f} tokens/s"
        if self._bar is not None:
            self._bar.set_postfix_str(numbers, refresh=False)
            self._bar.update(event.step - self._bar.n)
        elif time.monotonic() - self._last_line >= _LINE_SECONDS or event.step == self._steps:
            self._last_line = time.monotonic()
            self._say(f"step {event.step}/{self._steps}: {numbers}")

    def _ended(self, event: RunEnded) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if len(self._losses) > 1:
            before, after = self._losses[0], min(self._losses[1:])
            change = after / before - 1
            how = "lower" if change <= 0 else "higher"
            self._say(f"Validation loss {before:.3f} → {after:.3f} ({abs(change):.0%} {how}).")
        if event.adapter:
            self._say(f"The adapter is in {event.adapter}")
        if self._run.report_file.is_file():
            self._say(f"The report is {self._run.report_file}")
        self._say(f"The run is {event.outcome} at step {event.step}.")
        if event.outcome in ("stopped", "paused", "interrupted"):
            self._say(f"Go on with: rankscope train --resume {self._run.path}")

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        self._stream.write(text + "\n")
        self._stream.flush()
        if self._bar is not None:
            self._bar.refresh()


def _lines(event: Event) -> list[str]:
    """Return what is said of an event that needs nothing but words."""
    match event:
        case LossSpike():
            times = event.loss / max(event.usual, 1e-9)
            return [f"step {event.step}: loss {event.loss:.4f}, {times:.1f} times the usual"]
        case Sampled():
            return [
                f"step {event.step}: {_short(sample['prompt'])} → {_short(sample['answer'])}"
                for sample in event.samples
            ]
        case Notice():
            return [f"{event.level}: {event.message} {event.hint}".rstrip()]
        case CheckpointSaved():
            return [f"step {event.step}: saved ({event.size_bytes / 1e6:.1f} MB)"]
        case MemoryMeasured() | AdapterProven():
            return [_in_words(event)]
    return []


def _short(text: str) -> str:
    """Return a text on one line of a terminal."""
    return textwrap.shorten(text, 60, placeholder=" …") or "(nothing)"


def _in_words(event: MemoryMeasured | AdapterProven) -> str:
    if isinstance(event, MemoryMeasured):
        predicted, measured = event.predicted_bytes / _GIB, event.measured_bytes / _GIB
        error = f", {predicted / measured - 1:+.1%}" if measured else ""
        return f"Peak memory: predicted {predicted:.2f} GiB, measured {measured:.2f} GiB{error}."
    words = (
        f"Proven in a fresh process: {event.modules} modules changed, "
        f"logits differ by up to {event.logit_difference:.2f}"
    )
    if event.asked:
        words += f", {event.stopped} of {event.asked} answers stopped by themselves"
    return f"{words}."
