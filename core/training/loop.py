"""The training loop: build, resume, then step, evaluate and save until done; deliver, prove."""

import time
from collections.abc import Generator

from core.control import Control
from core.data.batches import Order
from core.errors import UserError
from core.events import (
    Evaluated,
    Event,
    MemoryMeasured,
    Progress,
    RunEnded,
    RunStarted,
    StepDone,
)
from core.history import History
from core.memory.measurements import keep
from core.run_folder import RunFolder
from core.training.ahead import Batches, Largest
from core.training.blocks import listen_in_blocks
from core.training.compiling import compile_blocks
from core.training.deliverable import deliver
from core.training.evidence import measurement
from core.training.exactness import add_in_order, order_in_words, why_inexact
from core.training.exam import Exam
from core.training.guards import Mishap, OutOfMemory, Overflow, Spoilt, out_of_memory_in_words
from core.training.keeper import Keeper
from core.training.live_ranks import LiveRanks
from core.training.measure import PeakMemory, free_memory
from core.training.micro_batch import Layout
from core.training.paging import PagingWatch
from core.training.passage import Passage
from core.training.prefix import open_prefix
from core.training.proof import prove
from core.training.questions import keep_questions
from core.training.record import record
from core.training.requests import Halt, Requests
from core.training.room import Room
from core.training.snapshot import Cursor
from core.training.spikes import LossAlarm
from core.training.standstill import StandstillWatch
from core.training.start import Base, claim, decide_checkpointing, prepare_base, record_base
from core.training.step import Stepper
from core.training.trainee import (
    Trainee,
    build_rows,
    build_trainee,
    trained_tokens,
    wanted_passage,
)
from core.training.trial import open_passage


def train(
    run: RunFolder, control: Control, *, resume: bool = False
) -> Generator[Event, None, None]:
    """Train the run in `run` and yield what happens; the last event is the only `RunEnded`.

    All events are recorded in the run folder before they are yielded, except the refusal of a run
    that is not ours to change. A pause leaves a checkpoint, a stop a checkpoint and the adapter;
    both are obeyed within one block of the model.

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
        base = yield from prepare_base(run.settings, requests)
        rows = yield from build_rows(base.settings, base.folder, requests)
        base = yield from decide_checkpointing(base, rows.train, rows.held_out)
        record_base(run, base)
        yield Progress(phase="loading", message=f"Loading {base.info.name}")
        add_in_order(base.precision, wanted=base.settings.training.deterministic)
        memory = PeakMemory(base.precision.device)
        predicted = base.plan(rows.train, rows.held_out).peak_bytes
        with out_of_memory_in_words():
            trainee = build_trainee(base.settings, base, rows)
            vocabulary = base.info.architecture.vocab_size
            wanted = wanted_passage(trainee.model, base.settings, trainee.precision)
            passage = yield from open_passage(wanted, vocabulary)
        free_memory()  # what loading left
        loop = Loop(run, trainee, passage, requests, memory)
        yield from loop.begin(base, resume=resume)
    except Halt as halt:
        yield RunEnded(outcome=halt.outcome, step=run.state().step)
        return
    first, outcome = loop.cursor.step, (yield from loop.run_until_asked())
    step = loop.cursor.step
    if step > first:
        measured = MemoryMeasured(predicted_bytes=predicted, measured_bytes=memory.bytes())
        yield measured
        if not loop.ran_short:
            keep(measurement(base, "run", measured, loop.largest, memory.outside_bytes()))
    if outcome == "paused" or step == 0:
        yield RunEnded(outcome=outcome, step=step)
        return
    adapter = yield from deliver(run, loop.keeper.store, loop.cursor, base)
    keep_questions(run, rows.held_out or rows.train)
    del trainee, passage, loop  # the proof loads the base model once more
    patience = requests.is_asked if outcome == "finished" else requests.is_in_haste
    yield from prove(run, base.folder, patience)
    yield RunEnded(outcome=outcome, step=step, adapter=str(adapter))


class Loop:
    """Steps, evaluations and checkpoints of one run, in their order.

    The random numbers of a step follow from the seed and the number of the step alone, the rows
    from `cursor.order`: whoever starts at a step does what an uninterrupted run would have done.

    Attributes:
        cursor: How far the run is.
        keeper: Its checkpoints.
        largest: The largest micro-batch that has gone through since this process began.
    """

    def __init__(
        self,
        run: RunFolder,
        trainee: Trainee,
        passage: Passage,
        requests: Requests,
        memory: PeakMemory,
    ) -> None:
        self._run, self._trainee, self._passage = run, trainee, passage
        self._requests, self._memory = requests, memory
        self._training = trainee.settings.training
        self._effective = self._training.micro_batch * self._training.accumulation
        listen_in_blocks(trainee.model, requests.check_often)
        self._stepper = Stepper(trainee, passage, requests)
        self.keeper = Keeper(run, trainee)
        self.cursor = Cursor(order=Order(len(trainee.train), self._training.seed).state)
        self.largest = Largest()
        self._exam: Exam
        self._live: LiveRanks
        self._room: Room
        self._batches: Batches
        self._alarm: LossAlarm
        self._paging: PagingWatch
        self._standstill = StandstillWatch()

    @property
    def ran_short(self) -> bool:
        """Whether memory ran out, so that the peak is that of no micro-batch that went through."""
        return self.cursor.micro_batch not in (0, self._training.micro_batch)

    def begin(self, base: Base, *, resume: bool) -> Generator[Event, None, None]:
        """Go back to the newest checkpoint if asked to, and say what will be done."""
        self.keeper.base_fingerprint = base.fingerprint
        self._exam = Exam(
            self._run, self._trainee, self._passage, self._requests, tokenizer=base.folder
        )
        if resume:
            self.cursor = yield from self.keeper.restore(self.cursor)
            self._stepper.scale = self.cursor.loss_scale or self._stepper.scale
        self._live = LiveRanks(self._run, self._trainee, self.cursor.step)
        losses = History(self._run.events()).steps["loss"][: self.cursor.step]
        self._alarm = LossAlarm(self._training.steps, losses)
        self._paging = PagingWatch(base.device)
        order = Order.from_state(self.cursor.order)
        self._batches = Batches(self._trainee.train, order, self._effective)
        self._room = Room(self._layout(), self._memory)
        yield from self._speed_up()
        yield RunStarted(
            first_step=self.cursor.step,
            total_steps=self._training.steps,
            parameters=base.info.parameters,
            trainable_parameters=self._trainee.trainable_parameters,
            rows=len(self._trainee.train),
            steps_per_epoch=len(self._trainee.train) / self._effective,
            device=str(base.precision.device),
            precision=str(base.precision),
            inexact=why_inexact(base.settings, base.precision),
        )

    def _layout(self) -> Layout:
        """Return how much goes through at once: as set, or what was left of it before a resume."""
        rows, pad_id = self._trainee.train, self._trainee.pad_id
        micro_batch = self.cursor.micro_batch or self._training.micro_batch
        return Layout.of(rows, micro_batch, pad_id, packed=self._passage.packed)

    def _speed_up(self) -> Generator[Event, None, None]:
        """Do what was asked for that pays only in long runs."""
        model, rows = self._trainee.model, self._trainee.train
        if self._training.compile:
            batch = self._batches.look(self._room.layout)
            with out_of_memory_in_words():
                yield from compile_blocks(model, lambda: self._stepper.rehearse(batch))
        if self._training.keep_activations:
            epochs = self._training.steps * self._effective / len(rows)
            self._stepper.prefix = yield from open_prefix(
                self._passage, rows, self._run.path, epochs=epochs
            )

    def run_until_asked(self) -> Generator[Event, None, str]:
        """Train to the last step or to a request; return the outcome. Either way all is saved."""
        try:
            outcome = yield from self._work()
            yield from self.keeper.save(self.cursor, wait=True)
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
                    if (yield from self._exam.has_passed_its_best(self.cursor)):
                        return "finished"
                else:
                    yield from self._live.follow(self.cursor.step)
                if self._is_due(self._training.checkpoint_every):
                    yield from self.keeper.save(self.cursor)
                if self.cursor.step == self._training.steps:
                    return "finished"
                yield from self._step()
                yield from self.keeper.announce()
        except Halt as halt:
            return halt.outcome
        except Mishap:  # the adapter is still what it was before the step
            yield from self.keeper.save(self.cursor, wait=True)
            raise
        except Spoilt:
            yield from self.keeper.announce(wait=True)
            raise

    def _is_due(self, every: int) -> bool:
        return self.cursor.step % every == 0 or self.cursor.step == self._training.steps

    def _step(self) -> Generator[Event, None, None]:
        """Do one optimizer step over the next effective batch; again with less if it must be."""
        started, step = time.perf_counter(), self.cursor.step + 1
        batch = self._batches.take(self._room.layout)
        done = None
        while done is None:
            try:
                with out_of_memory_in_words(), order_in_words():
                    done = self._stepper.step(step, batch.laid_out(self._room.layout))
            except OutOfMemory as error:
                yield self._room.shrink(batch.rows, error)
            except Overflow:
                yield self._stepper.halve_scale()
        self.largest = max(self.largest, batch.laid_out(self._room.layout).largest)
        self.cursor = self.cursor.after_step(
            batch.order,
            micro_batch=self._room.layout.micro_batch,
            loss_scale=self._stepper.scale,
        )
        tokens = sum(len(row.ids) for row in batch.rows)
        told = StepDone(
            step=step,
            loss=done.loss,
            learning_rate=done.learning_rate,
            gradient_norm=done.gradient_norm,
            trained_tokens=trained_tokens(batch.rows),
            tokens=tokens,
            tokens_per_second=tokens / (time.perf_counter() - started),
            memory_bytes=self._memory.bytes(),
        )
        yield told
        yield from self._alarm.judge(step, done.loss)
        yield from self._paging.judge(told)
        yield from self._standstill.judge(step, done.loss)

    def _evaluate(self) -> Generator[Event, None, None]:
        """Look at the run at this step, unless a resumed run has done so before."""
        step = self.cursor.step
        if self.cursor.evaluated == step:
            return
        loss = yield from self._exam.loss(step, self._room)
        self.cursor = self.cursor.after_evaluation(loss)
        best = self.cursor.best_step == step
        yield Evaluated(step=step, loss=loss, best=best)
        yield from self._exam.spectra(step)
        if best:
            yield from self.keeper.save(self.cursor)
        yield from self._exam.answers(step)
        yield from self._exam.falls_behind(self.cursor)
