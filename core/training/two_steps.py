"""Two real steps on the longest micro-batch and one evaluation, by the functions of a run.

The memory probe measures their peak; the rehearsal goes on from where they leave the model.
"""

from collections.abc import Generator, Sequence
from dataclasses import replace

from core.data.batches import Order
from core.data.encode import Example
from core.events import Event, Progress
from core.training.ahead import Batch, Largest
from core.training.blocks import listen_in_blocks
from core.training.evaluation import evaluate
from core.training.exactness import order_in_words
from core.training.guards import Overflow
from core.training.measure import free_memory
from core.training.micro_batch import Layout
from core.training.passage import Passage
from core.training.requests import Requests
from core.training.start import Base
from core.training.step import Stepper
from core.training.trainee import Rows, Trainee, build_trainee, wanted_passage
from core.training.trial import open_passage

STEPS = 2
"""The first makes the optimizer's moments, the second meets them."""


class TwoSteps:
    """Builds the trainee of a run and takes it through what needs the most memory.

    Attributes:
        at: What is under way, and so what memory ran out in.
        trainee: The model with its adapter, once it is loaded.
        passage: The way through it that was proven.
        batch: What both steps are made over.
    """

    def __init__(self, base: Base, rows: Rows, requests: Requests) -> None:
        self._base, self._rows, self._requests = base, rows, requests
        self.at = "while the model was loaded"
        self.trainee: Trainee
        self.passage: Passage
        self.batch: Batch
        self._layout: Layout

    def run(self) -> Generator[Event, None, Largest]:
        """Load, step and evaluate; return the size of the micro-batch."""
        yield from self._load()
        stepper = Stepper(self.trainee, self.passage, self._requests)
        for number in range(1, STEPS + 1):
            self.at = f"in step {number}"
            message = f"Step {number} of {STEPS}: {self.batch.largest.tokens:,} tokens at once"
            yield Progress(phase="training", message=message, share=(number - 1) / (STEPS + 1))
            yield from _step(stepper, number, self.batch)
        if self._rows.held_out:
            self.at = "in the evaluation"
            message = "One evaluation, of the longest held-out rows"
            yield Progress(phase="evaluating", message=message, share=STEPS / (STEPS + 1))
            self.loss(self._rows.held_out)
        return self.batch.largest

    def loss(self, rows: Sequence[Example]) -> float:
        """Return the mean loss over the largest micro-batch of some rows."""
        longest = _fullest(_longest_first(rows), self._layout)
        trainee = replace(self.trainee, held_out=longest)
        work = evaluate(trainee, self.passage, self._layout, self._requests)
        while True:
            try:
                next(work)
            except StopIteration as end:
                loss: float = end.value
                return loss

    def _load(self) -> Generator[Event, None, None]:
        base, rows = self._base, self._rows
        yield Progress(phase="loading", message=f"Loading {base.info.name}")
        self.trainee = trainee = build_trainee(base.settings, base, rows)
        self._requests.check()
        wanted = wanted_passage(trainee.model, base.settings, trainee.precision)
        self.passage = yield from open_passage(wanted, base.info.architecture.vocab_size)
        free_memory()  # what loading left
        listen_in_blocks(trainee.model, self._requests.check_often)
        training, packed = base.settings.training, self.passage.packed
        self._layout = Layout.of(rows.train, training.micro_batch, rows.pad_id, packed=packed)
        self.batch = longest_batch(rows.train, self._layout, training.accumulation)


def _step(stepper: Stepper, number: int, batch: Batch) -> Generator[Event, None, None]:
    """Do one step, again with a smaller loss scale where a gradient leaves the range of fp16."""
    while True:
        try:
            with order_in_words():
                stepper.step(number, batch)
                return
        except Overflow:
            yield stepper.halve_scale()


def longest_batch(rows: Sequence[Example], layout: Layout, accumulation: int) -> Batch:
    """Return the largest micro-batch that a step over these rows can have.

    That is the fullest one of the step that draws all of the longest rows. Where steps have
    several micro-batches it comes twice, since the second meets the gradients of the first.
    """
    part = _fullest(_longest_first(rows)[: layout.micro_batch * accumulation], layout)
    times = min(2, accumulation)
    micro_batches = (layout.tensors(part),) * times
    return Batch(tuple(part) * times, layout, micro_batches, Order(len(rows), 0).state)


def _longest_first(rows: Sequence[Example]) -> list[Example]:
    return sorted(rows, key=lambda row: len(row.ids), reverse=True)


def _fullest(rows: Sequence[Example], layout: Layout) -> list[Example]:
    """Return the rows of the largest micro-batch."""
    return max(layout.split(rows), key=layout.largest)
