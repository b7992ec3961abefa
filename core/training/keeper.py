"""Saves and restores a run: which checkpoints exist, which one it goes on from."""

import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import chain

import psutil

from core.errors import UserError
from core.events import CheckpointSaved, Event, Notice, Progress
from core.run_folder import RunFolder
from core.training.checkpoint import (
    Checkpoint,
    CheckpointNotSaved,
    CheckpointStore,
    checkpoint_name,
)
from core.training.exactness import arithmetic, changed
from core.training.guards import OutOfMemory, out_of_memory_in_words
from core.training.snapshot import Cursor, files_of, restore, state_bytes
from core.training.software import rows_fingerprint
from core.training.trainee import Trainee

logger = logging.getLogger(__name__)

_ROOM = 4
"""Times the size of a checkpoint that must be free in memory for training to go on beside it: the
copy, and the files that are made from it one after another."""


class Keeper:
    """The checkpoints of one run in training.

    A save copies the state to the memory of the processor and writes it on a thread of its own,
    while training goes on; it counts, and is announced, when all of it is on the disk. Where there
    is no room for the copy, training waits.

    Attributes:
        saved: The cursor of the newest checkpoint, written or being written; None before the first.
        base_fingerprint: Which base model the adapter belongs to.
    """

    def __init__(self, run: RunFolder, trainee: Trainee) -> None:
        self._run = run
        self._trainee = trainee
        self.store = CheckpointStore(
            run.checkpoints_dir, keep=trainee.settings.training.keep_checkpoints
        )
        self.saved: Cursor | None = None
        self.base_fingerprint = ""
        self._rows = rows_fingerprint(chain(trainee.train, trainee.held_out))
        self._arithmetic = arithmetic(trainee.precision)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._under_way: Future[Checkpoint] | None = None

    def save(self, cursor: Cursor, *, wait: bool = False) -> Generator[Event, None, None]:
        """Begin a checkpoint of now, unless there is one; `wait` until it is announced.

        Raises:
            CheckpointNotSaved: The disk is full or refuses; those before are untouched.
        """
        if cursor.step > 0 and self.saved != cursor:
            yield from self.announce(wait=True)  # the one before
            self._begin(cursor)
        if wait:
            yield Progress(phase="saving", message=f"Saving step {cursor.step}")
        yield from self.announce(wait=wait)

    def announce(self, *, wait: bool = False) -> Generator[Event, None, None]:
        """Say it if a checkpoint that was begun is complete.

        Raises:
            CheckpointNotSaved: As of `save`.
        """
        under_way = self._under_way
        if under_way is None or not (wait or under_way.done()):
            return
        self._under_way = None
        done = under_way.result()
        yield CheckpointSaved(step=done.step, path=str(done.path), size_bytes=done.size_bytes)

    def close(self) -> None:
        """Wait for what is being written."""
        self._writer.shutdown()

    def _begin(self, cursor: Cursor) -> None:
        """Take a snapshot of the present state and let it be written."""
        size = state_bytes(self._trainee)
        self.store.require_space(size)
        has_room = psutil.virtual_memory().available >= _ROOM * size
        with _memory_for(cursor.step):
            files = files_of(self._trainee, cursor, copied=has_room)
        self._under_way = self._writer.submit(self._write, cursor, files)
        self.saved = cursor
        if not has_room:
            wait([self._under_way])

    def _write(self, cursor: Cursor, files: Mapping[str, Callable[[], bytes]]) -> Checkpoint:
        """Commit a checkpoint, then remove those that are no longer needed."""
        notes = {"base": self.base_fingerprint, "rows": self._rows, "software": self._arithmetic}
        with _memory_for(cursor.step):
            checkpoint = self.store.save(cursor.step, files, notes)
        try:
            self.store.prune(best=cursor.best_step)
        except OSError:  # what is saved is saved; the old ones go with the next save
            logger.exception("old checkpoints could not be removed")
        return checkpoint

    def restore(self, start: Cursor) -> Generator[Event, None, Cursor]:
        """Go back to the newest checkpoint that verifies; return its cursor.

        Args:
            start: The cursor of a run that has not begun, for a run without any checkpoint.

        Raises:
            UserError: It was made with another base model, other targets or other rows.
        """
        checkpoint, problems = self.store.newest()
        if problems:
            yield Notice(level="warning", message=_about_damage(problems, checkpoint))
        if checkpoint is None:
            yield Notice(level="info", message="No checkpoint yet: starting at the beginning.")
            return start
        self._require_same_inputs(checkpoint)
        try:
            cursor = restore(self._trainee, checkpoint)
        except ValueError as error:
            raise UserError(
                f"This run cannot go on: {error}.", "Start a new run with these settings."
            ) from None
        self.saved = cursor
        self._run.update_state(**_state_at(cursor))
        yield Notice(level="info", message=f"Going on from step {cursor.step}.")
        differing = changed(checkpoint.manifest.get("software", {}), self._arithmetic)
        if differing:
            yield Notice(level="warning", message=_about_arithmetic(differing))
        return cursor

    def _require_same_inputs(self, checkpoint: Checkpoint) -> None:
        if checkpoint.manifest.get("base") != self.base_fingerprint:
            raise UserError(
                "The base model is not the one that this run began with.",
                "Put the model back as it was, or start a new run.",
            )
        if checkpoint.manifest.get("rows") != self._rows:
            raise UserError(
                "The data has changed: its rows give other tokens than those this run began with.",
                "Put the data back as it was, or start a new run.",
            )


@contextmanager
def _memory_for(step: int) -> Iterator[None]:
    """Say in words, and as a save that failed, that there was no memory for one."""
    try:
        with out_of_memory_in_words():
            yield
    except OutOfMemory as error:
        raise CheckpointNotSaved(
            f"There was too little memory to write the checkpoint of step {step}.",
            "The checkpoints before it are safe. Close other programs, then resume the run.",
            details=error.details,
        ) from None


def _about_damage(problems: list[str], used: Checkpoint | None) -> str:
    instead = f"step {used.step} is used instead" if used else "there is no older one"
    return f"A checkpoint is damaged and was set aside ({'; '.join(problems)}); {instead}."


def _about_arithmetic(differing: list[str]) -> str:
    return (
        f"Since the checkpoint this machine has changed ({', '.join(differing)}): nothing is lost, "
        "but from here on the numbers may differ in their last digits from an uninterrupted run's."
    )


def _state_at(cursor: Cursor) -> dict[str, object]:
    best = checkpoint_name(cursor.best_step) if cursor.best_step > 0 else ""
    return {
        "step": cursor.step,
        "first_loss": cursor.first_loss,
        "best_loss": cursor.best_loss,
        "best": best,
        "last": checkpoint_name(cursor.step),
    }
