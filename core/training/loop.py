"""The training loop: build, resume, then step, evaluate and save until done; deliver, prove."""

import time
from collections.abc import Generator

import torch

from core.control import Control
from core.data.batches import Order, collate
from core.data.encode import Example
from core.errors import UserError
from core.events import (
    CheckpointSaved,
    Evaluated,
    Event,
    MemoryMeasured,
    Progress,
    RanksComputed,
    RunEnded,
    RunStarted,
    StepDone,
)
from core.run_folder import RunFolder
from core.training.checkpoint import checkpoint_name
from core.training.deliverable import deliver
from core.training.evaluation import evaluate, to_device
from core.training.factors import write_spectra
from core.training.guards import Mishap, out_of_memory_in_words, require_finite
from core.training.keeper import Keeper
from core.training.loss import summed_loss
from core.training.measure import PeakMemory
from core.training.proof import prove
from core.training.record import record
from core.training.requests import Halt, Requests
from core.training.schedule import learning_rate
from core.training.seeds import seed_everything
from core.training.snapshot import Cursor
from core.training.start import Base, claim, prepare_base
from core.training.trainee import Trainee, build_rows, build_trainee, trained_tokens


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
        memory = PeakMemory(base.precision.device)
        predicted = base.predicted_bytes([*rows.train, *rows.held_out])
        with out_of_memory_in_words(settings.training.micro_batch):
            trainee = build_trainee(settings, base, rows)
        loop = Loop(run, trainee, requests, memory)
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
    del trainee, loop  # the proof loads the base model once more
    patience = requests.is_asked if outcome == "finished" else requests.is_in_haste
    yield from prove(run, base.folder, patience)
    yield RunEnded(outcome=outcome, step=step, adapter=str(adapter))


class Loop:
    """Steps, evaluations and checkpoints of one run, in their order.

    The random numbers of a step follow from the seed and the number of the step alone, the rows
    from `cursor.order`: whoever starts at a step does what an uninterrupted run would have done.
    """

    def __init__(
        self, run: RunFolder, trainee: Trainee, requests: Requests, memory: PeakMemory
    ) -> None:
        self._run = run
        self._trainee = trainee
        self._training = trainee.settings.training
        self._requests = requests
        self._memory = memory
        self.keeper = Keeper(run, trainee)
        self._order = Order(len(trainee.train), self._training.seed)
        self.cursor = Cursor(order=self._order.state)

    def begin(self, base: Base, *, resume: bool) -> Generator[Event, None, None]:
        """Go back to the newest checkpoint if asked to, and say what will be done."""
        self.keeper.base_fingerprint = base.fingerprint
        if resume:
            self.cursor = yield from self.keeper.restore(self.cursor)
            self._order = Order.from_state(self.cursor.order)
        effective = self._training.micro_batch * self._training.accumulation
        yield RunStarted(
            first_step=self.cursor.step,
            total_steps=self._training.steps,
            parameters=base.info.parameters,
            trainable_parameters=self._trainee.trainable_parameters,
            rows=len(self._trainee.train),
            steps_per_epoch=len(self._trainee.train) / effective,
            device=str(base.precision.device),
            precision=str(base.precision),
        )

    def run_until_asked(self) -> Generator[Event, None, str]:
        """Train to the last step or to a request; return the outcome. Either way all is saved."""
        try:
            yield from self._work()
            outcome = "finished"
        except Halt as halt:
            outcome = halt.outcome
        except Mishap:
            self._trainee.optimizer.zero_grad()
            yield from self._save()
            raise
        yield from self._save()
        return outcome

    def _work(self) -> Generator[Event, None, None]:
        while True:
            if self._is_due(self._training.evaluate_every) and self._trainee.held_out:
                yield from self._evaluate()
            if self._is_due(self._training.checkpoint_every) and self.cursor.step > 0:
                yield from self._save()
            if self.cursor.step == self._training.steps:
                return
            with out_of_memory_in_words(self._training.micro_batch):
                event = self._step()
            yield event

    def _is_due(self, every: int) -> bool:
        return self.cursor.step % every == 0 or self.cursor.step == self._training.steps

    def _step(self) -> StepDone:
        """Do one optimizer step over an effective batch.

        The summed loss of every micro-batch is divided by the trained tokens of the whole batch,
        so that accumulation changes nothing but the memory.
        """
        started, step = time.perf_counter(), self.cursor.step + 1
        seed_everything(self._training.seed, step)
        batch = self._next_rows()
        rows = [example.row for example in batch]
        trained, scale = trained_tokens(batch), self._trainee.precision.loss_scale
        loss = 0.0
        for micro_batch in self._micro_batches(batch):
            self._requests.check()
            inputs = to_device(collate(micro_batch, self._trainee.pad_id), self._trainee)
            part = summed_loss(self._trainee.model, inputs) / trained
            loss += part.item()
            require_finite(loss, "loss", step, rows)
            (part * scale).backward()  # type: ignore[no-untyped-call]
        norm = self._clip(scale)
        require_finite(norm, "gradient", step, rows)
        rate = learning_rate(step, self._training)
        self._update(rate)
        self.cursor = self.cursor.after_step(self._order.state)
        tokens = sum(len(example.ids) for example in batch)
        return StepDone(
            step=step,
            loss=loss,
            learning_rate=rate,
            gradient_norm=norm,
            trained_tokens=trained,
            tokens=tokens,
            tokens_per_second=tokens / (time.perf_counter() - started),
            memory_bytes=self._memory.bytes(),
        )

    def _next_rows(self) -> list[Example]:
        count = self._training.micro_batch * self._training.accumulation
        return [self._trainee.train[i] for i in self._order.take(count)]

    def _micro_batches(self, batch: list[Example]) -> list[list[Example]]:
        size = self._training.micro_batch
        return [batch[start : start + size] for start in range(0, len(batch), size)]

    def _clip(self, scale: float) -> float:
        """Undo the loss scale, scale the gradient down to the limit, return its norm before."""
        parameters = list(self._trainee.parameters.values())
        if scale != 1.0:
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter.grad /= scale
        limit = self._training.max_gradient_norm or float("inf")
        return float(torch.nn.utils.clip_grad_norm_(parameters, limit))

    def _update(self, rate: float) -> None:
        for group in self._trainee.optimizer.param_groups:
            group["lr"] = rate * group["rate_factor"]
        self._trainee.optimizer.step()
        self._trainee.optimizer.zero_grad()

    def _evaluate(self) -> Generator[Event, None, None]:
        """Measure the validation loss of this step, unless a resumed run has done so before."""
        step = self.cursor.step
        if self.cursor.evaluated == step:
            return
        with out_of_memory_in_words(self._training.micro_batch):
            loss = yield from evaluate(self._trainee, self._requests)
        require_finite(loss, "validation loss", step, [e.row for e in self._trainee.held_out])
        self.cursor = self.cursor.after_evaluation(loss)
        best = self.cursor.best_step == step
        yield Evaluated(step=step, loss=loss, best=best)
        path = self._run.ranks_dir / f"{checkpoint_name(step)}.json"
        write_spectra(self._trainee, path)
        yield RanksComputed(step=step, path=str(path))
        if best:
            yield from self._save()

    def _save(self) -> Generator[Event, None, None]:
        """Save a checkpoint of this step, unless there is one."""
        if self.cursor.step == 0 or self.keeper.saved == self.cursor:
            return
        yield Progress(phase="saving", message=f"Saving step {self.cursor.step}")
        checkpoint = self.keeper.save(self.cursor)
        yield CheckpointSaved(
            step=checkpoint.step, path=str(checkpoint.path), size_bytes=checkpoint.size_bytes
        )
