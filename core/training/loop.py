"""The training loop: build, resume, then step, evaluate and save until done; deliver, prove."""

import time
from collections.abc import Generator, Sequence
from dataclasses import replace

from core.control import Control
from core.data.batches import Order
from core.data.encode import Example
from core.errors import UserError
from core.events import (
    CheckpointSaved,
    Evaluated,
    Event,
    MemoryMeasured,
    Notice,
    Progress,
    RanksComputed,
    RunEnded,
    RunStarted,
    StepDone,
)
from core.run_folder import RunFolder
from core.training.ahead import Batches
from core.training.blocks import listen_in_blocks
from core.training.checkpoint import checkpoint_name
from core.training.compiling import compile_blocks
from core.training.deliverable import deliver
from core.training.evaluation import evaluate
from core.training.exactness import add_in_order, why_inexact
from core.training.factors import write_spectra
from core.training.guards import (
    Mishap,
    OutOfMemory,
    Spoilt,
    about_smaller,
    out_of_memory_in_words,
    require_finite,
)
from core.training.keeper import Keeper
from core.training.measure import PeakMemory, free_memory
from core.training.micro_batch import Layout
from core.training.passage import Passage, open_passage
from core.training.prefix import open_prefix
from core.training.proof import prove
from core.training.record import record
from core.training.requests import Halt, Requests
from core.training.snapshot import Cursor
from core.training.start import Base, claim, prepare_base
from core.training.step import Stepper
from core.training.trainee import (
    Trainee,
    build_rows,
    build_trainee,
    trained_tokens,
    wanted_passage,
)


def train(
    run: RunFolder, control: Control, *, resume: bool = False
) -> Generator[Event, None, None]:
    """Train the run in `run` and yield what happens; the last event is the only `RunEnded`.

    All events are recorded in the run folder before they are yielded, except the refusal of a run
    that is not ours to change. A pause leaves a checkpoint, a stop a checkpoint and the adapter;
    both are obeyed within one micro-batch.

    Args:
        run: The run, with its settings.
        control: Where a stop or a pause will be asked for; the run's control file counts as well.
        resume: Go on from the newest checkpoint that verifies.
    """
    try:
        claim(run, resume=resume)
    except UserError as error:
        yield RunEnded.failed(error)
        return
    yield from record(run, _phases(run, Requests(control, run.control_file), resume))


def _phases(run: RunFolder, requests: Requests, resume: bool) -> Generator[Event, None, None]:
    """Build, train, deliver and prove; a run that is asked to end keeps what it has."""
    try:
        base = yield from prepare_base(run, requests)
        settings = base.settings
        rows = yield from build_rows(settings, base.folder, requests)
        yield Progress(phase="loading", message=f"Loading {base.info.name}")
        add_in_order(base.precision, wanted=settings.training.deterministic)
        memory = PeakMemory(base.precision.device)
        predicted = base.predicted_bytes([*rows.train, *rows.held_out])
        with out_of_memory_in_words():
            trainee = build_trainee(settings, base, rows)
            passage = yield from open_passage(
                wanted_passage(trainee), base.info.architecture.vocab_size
            )
        loop = Loop(run, trainee, passage, requests, memory)
        yield from loop.begin(base, resume=resume)
    except Halt as halt:
        yield RunEnded(outcome=halt.outcome, step=run.state().step)
        return
    outcome = yield from loop.run_until_asked()
    yield MemoryMeasured(predicted_bytes=predicted, measured_bytes=memory.bytes())
    step = loop.cursor.step
    if outcome == "paused" or step == 0:
        yield RunEnded(outcome=outcome, step=step)
        return
    adapter = yield from deliver(run, loop.keeper.store, loop.cursor, base)
    del trainee, passage, loop  # the proof loads the base model once more
    patience = requests.is_asked if outcome == "finished" else requests.is_in_haste
    yield from prove(run, base.folder, patience)
    yield RunEnded(outcome=outcome, step=step, adapter=str(adapter))


class Loop:
    """Steps, evaluations and checkpoints of one run, in their order.

    The random numbers of a step follow from the seed and the number of the step alone, the rows
    from `cursor.order`: whoever starts at a step does what an uninterrupted run would have done.
    """

    def __init__(
        self,
        run: RunFolder,
        trainee: Trainee,
        passage: Passage,
        requests: Requests,
        memory: PeakMemory,
    ) -> None:
        self._run = run
        self._trainee = trainee
        self._passage = passage
        self._training = trainee.settings.training
        self._requests = requests
        self._memory = memory
        self.keeper = Keeper(run, trainee)
        listen_in_blocks(trainee.model, requests.check_often)
        self._stepper = Stepper(trainee, passage, requests)
        order = Order(len(trainee.train), self._training.seed)
        self.cursor = Cursor(order=order.state)
        self._batches: Batches

    def begin(self, base: Base, *, resume: bool) -> Generator[Event, None, None]:
        """Go back to the newest checkpoint if asked to, and say what will be done."""
        self.keeper.base_fingerprint = base.fingerprint
        if resume:
            self.cursor = yield from self.keeper.restore(self.cursor)
        micro_batch = self.cursor.micro_batch or self._training.micro_batch
        trainee = self._trainee
        self._layout = Layout.of(
            trainee.train, micro_batch, trainee.pad_id, packed=self._passage.packed
        )
        effective = self._training.micro_batch * self._training.accumulation
        order = Order.from_state(self.cursor.order)
        self._batches = Batches(self._trainee.train, order, effective)
        if self._training.compile:
            batch = self._batches.look(self._layout)
            yield from compile_blocks(self._trainee.model, lambda: self._stepper.rehearse(batch))
        if self._training.keep_activations:
            self._stepper.prefix = yield from open_prefix(
                self._trainee.model,
                self._trainee.train,
                self._run.path,
                packed=self._passage.packed,
            )
        yield RunStarted(
            first_step=self.cursor.step,
            total_steps=self._training.steps,
            parameters=base.info.parameters,
            trainable_parameters=self._trainee.trainable_parameters,
            rows=len(self._trainee.train),
            steps_per_epoch=len(self._trainee.train) / effective,
            device=str(base.precision.device),
            precision=str(base.precision),
            inexact=why_inexact(base.settings, base.precision),
        )

    def run_until_asked(self) -> Generator[Event, None, str]:
        """Train to the last step or to a request; return the outcome. Either way all is saved."""
        try:
            outcome = yield from self._work()
            yield from self._save(wait=True)
        finally:
            self._batches.close()
            self._stepper.close()
            self.keeper.close()
        return outcome

    def _work(self) -> Generator[Event, None, str]:
        try:
            while True:
                if self._is_due(self._training.evaluate_every) and self._trainee.held_out:
                    yield from self._evaluate()
                if self._is_due(self._training.checkpoint_every) and self.cursor.step > 0:
                    yield from self._save()
                if self.cursor.step == self._training.steps:
                    return "finished"
                yield from self._step()
                yield from self._announce()
        except Halt as halt:
            return halt.outcome
        except Mishap:
            yield from self._save(wait=True)
            raise
        except Spoilt:
            yield from self._announce(wait=True)
            raise

    def _is_due(self, every: int) -> bool:
        return self.cursor.step % every == 0 or self.cursor.step == self._training.steps

    def _step(self) -> Generator[Event, None, None]:
        """Do one optimizer step over the next effective batch."""
        started = time.perf_counter()
        batch = self._batches.take(self._layout)
        done = None
        while done is None:
            try:
                with out_of_memory_in_words():
                    done = self._stepper.step(self.cursor.step + 1, batch.laid_out(self._layout))
            except OutOfMemory as error:
                yield self._with_less(batch.rows, error)
        self.cursor = self.cursor.after_step(batch.order)
        tokens = sum(part.tokens for part in batch.micro_batches)
        yield StepDone(
            step=self.cursor.step,
            loss=done.loss,
            learning_rate=done.learning_rate,
            gradient_norm=done.gradient_norm,
            trained_tokens=trained_tokens(batch.rows),
            tokens=tokens,
            tokens_per_second=tokens / (time.perf_counter() - started),
            memory_bytes=self._memory.bytes(),
        )

    def _evaluate(self) -> Generator[Event, None, None]:
        """Measure the validation loss of this step, unless a resumed run has done so before."""
        step = self.cursor.step
        if self.cursor.evaluated == step:
            return
        loss = None
        while loss is None:
            try:
                with out_of_memory_in_words():
                    loss = yield from evaluate(
                        self._trainee, self._passage, self._layout, self._requests
                    )
            except OutOfMemory as error:
                yield self._with_less(self._trainee.held_out, error)
        require_finite(loss, "validation loss", step, [e.row for e in self._trainee.held_out])
        self.cursor = self.cursor.after_evaluation(loss)
        best = self.cursor.best_step == step
        yield Evaluated(step=step, loss=loss, best=best)
        path = self._run.ranks_dir / f"{checkpoint_name(step)}.json"
        write_spectra(self._trainee, path)
        yield RanksComputed(step=step, path=str(path))
        if best:
            yield from self._save()

    def _with_less(self, rows: Sequence[Example], error: OutOfMemory) -> Notice:
        """Halve the micro-batch, so that what did not fit is tried again with less.

        Raises:
            OutOfMemory: A single row does not fit.
        """
        before, after = self._layout, self._layout.shrunk(rows)
        if after is None:
            raise error
        self._trainee.optimizer.zero_grad()
        free_memory()
        self._layout = after
        self.cursor = replace(self.cursor, micro_batch=after.micro_batch)
        return about_smaller(before, after, rows, self._memory.bytes())

    def _save(self, *, wait: bool = False) -> Generator[Event, None, None]:
        """Begin a checkpoint of this step, unless there is one; `wait` until it is announced."""
        if self.cursor.step > 0 and self.keeper.saved != self.cursor:
            yield from self._announce(wait=True)  # the one before
            self.keeper.begin(self.cursor)
        if wait:
            yield Progress(phase="saving", message=f"Saving step {self.cursor.step}")
        yield from self._announce(wait=wait)

    def _announce(self, *, wait: bool = False) -> Generator[Event, None, None]:
        """Say it if a checkpoint that was begun is complete."""
        checkpoint = self.keeper.finished(wait_for_it=wait)
        if checkpoint is not None:
            yield CheckpointSaved(
                step=checkpoint.step, path=str(checkpoint.path), size_bytes=checkpoint.size_bytes
            )
