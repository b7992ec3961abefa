"""What is looked at every so many steps: held-out loss, spectra, sample answers."""

import math
from collections.abc import Generator
from pathlib import Path

from core.events import Event, Notice, RanksComputed, Sampled
from core.models.load import load_tokenizer
from core.run_folder import RunFolder
from core.training.checkpoint import checkpoint_name
from core.training.diagnose import Examiner
from core.training.evaluation import evaluate
from core.training.factors import write_spectra
from core.training.guards import OutOfMemory, Trouble, out_of_memory_in_words
from core.training.passage import Passage
from core.training.requests import Requests
from core.training.room import Room
from core.training.samples import ask, choose_questions
from core.training.snapshot import Cursor
from core.training.trainee import Trainee

BEHIND = 3
"""Evaluations without a lower loss after which that is said."""
_NO_ANSWER = (RuntimeError, TypeError, ValueError, AttributeError, KeyError, IndexError)
"""What an architecture raises that does not take one token after the other."""


class Exam:
    """The looks at one run between its steps.

    Args:
        run: Where the spectra go.
        trainee: Whose held-out rows are used.
        passage: The way of training, which evaluations go as well.
        requests: Looked at between micro-batches.
        tokenizer: Folder of the base model, for the sample answers.
    """

    def __init__(
        self,
        run: RunFolder,
        trainee: Trainee,
        passage: Passage,
        requests: Requests,
        *,
        tokenizer: Path,
    ) -> None:
        self._run, self._trainee = run, trainee
        self._passage, self._requests = passage, requests
        self._training = trainee.settings.training
        self._tokenizer = load_tokenizer(tokenizer)
        self._questions = choose_questions(trainee.held_out, trainee.asked, self._tokenizer)

    def loss(self, step: int, room: Room) -> Generator[Event, None, float]:
        """Return the mean loss over the held-out rows, in nats.

        Raises:
            Halt: A stop or a pause was asked for.
            Mishap: It is no number, or a single row does not fit into memory.
        """
        rows, loss = self._trainee.held_out, None
        while loss is None:
            try:
                with out_of_memory_in_words():
                    loss = yield from evaluate(
                        self._trainee, self._passage, room.layout, self._requests
                    )
            except OutOfMemory as error:
                yield room.shrink(rows, error)
        if not math.isfinite(loss):
            trouble = Trouble("validation loss", loss, step, [row.row for row in rows])
            examiner = Examiner(self._passage, room.layout, self._trainee.parameters)
            raise examiner.about_loss(trouble, rows).mishap()
        return loss

    def spectra(self, step: int) -> Generator[Event, None, None]:
        """Write the singular values of all adapted modules."""
        path = self._run.ranks_dir / f"{checkpoint_name(step)}.json"
        write_spectra(self._trainee, path)
        yield RanksComputed(step=step, path=str(path))

    def answers(self, step: int) -> Generator[Event, None, None]:
        """Ask the questions of this run again; a model that cannot answer is not asked any more.

        Raises:
            Halt: A stop or a pause was asked for.
        """
        if not self._questions:
            return
        try:
            most = self._training.sample_tokens
            with out_of_memory_in_words():
                samples = yield from ask(self._passage, self._questions, self._tokenizer, most)
        except (OutOfMemory, *_NO_ANSWER) as error:
            self._questions = []
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            message = f"There are no sample answers from here on: {reason}"
            yield Notice(level="warning", message=message, hint="Training is not affected.")
            return
        yield Sampled(step=step, samples=samples)

    def falls_behind(self, cursor: Cursor) -> Generator[Event, None, None]:
        """Say, once for each best, that several evaluations since then were worse.

        A run that stops early by itself needs no such word.
        """
        since_best = cursor.evaluated - cursor.best_step
        if self._training.early_stopping or cursor.best_step < 1:
            return
        if since_best != BEHIND * self._training.evaluate_every:
            return
        message = (
            f"The validation loss has been worse than at step {cursor.best_step} for {BEHIND} "
            "evaluations: the model may be learning the rows by heart."
        )
        hint = f"You can stop and save: the adapter is then made of step {cursor.best_step}."
        yield Notice(level="warning", message=message, hint=hint, guard="R6")

    def has_passed_its_best(self, cursor: Cursor) -> Generator[Event, None, bool]:
        """Tell, and say, whether so many evaluations brought no lower loss that it is time to end.

        The step before the first one counts as no best: an adapter that never helped is looked at
        by a person.
        """
        patience = self._training.early_stopping
        since_best = cursor.evaluated - cursor.best_step
        if not patience or cursor.best_step < 1:
            return False
        if since_best < patience * self._training.evaluate_every:
            return False
        message = (
            f"Stopped early: no lower validation loss in {patience} evaluations since step "
            f"{cursor.best_step}, which the adapter is made of."
        )
        yield Notice(level="info", message=message)
        return True
