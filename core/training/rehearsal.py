"""The rehearsal: all that a run does, once, before it is started.

Two steps on the longest rows and an evaluation, as the memory probe makes them; then the proof that
every adapted module has learned something, and that what was saved can be loaded again. It names
the stage that fails, so that no run fails there after an hour.
"""

import os
import shutil
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import torch

from core.checks.context import RehearsalFacts
from core.control import Control
from core.errors import UserError
from core.events import Event, Progress, Reply, RunEnded
from core.paths import runs_dir
from core.settings import RunSettings
from core.training.checkpoint import CheckpointStore, verify
from core.training.guards import out_of_memory_in_words
from core.training.probe import measured, prepared
from core.training.requests import Halt, Requests
from core.training.snapshot import Cursor, adapter_tensors, files_of, restore
from core.training.start import Base
from core.training.trainee import Trainee
from core.training.two_steps import STEPS, TwoSteps


def rehearse(settings: RunSettings, control: Control) -> Generator[Event, None, None]:
    """Rehearse a run; the last event is a `Reply` with the facts as "rehearsal".

    The data of the probe come with it where the steps were done.

    Raises:
        UserError: A run is training, or this one could not be started.
    """
    requests, started = Requests(control), time.perf_counter()
    try:
        base, rows = yield from prepared(settings, requests)
        steps = TwoSteps(base, rows, requests)
        data = {}
        facts = RehearsalFacts(device=base.precision.device.type)
        try:
            data = yield from measured(base, rows, steps)
            facts = replace(facts, measured_bytes=data["measured_bytes"])
            if data["out_of_memory"]:
                facts = replace(facts, failed_at=steps.at, exhausted=True)
            else:
                facts = yield from _proven(facts, base, steps)
        except Halt:
            raise
        except UserError as error:
            facts = replace(facts, failed_at=steps.at, reason=error.message, hint=error.hint)
        except Exception as error:  # noqa: BLE001 - architectures and kernels raise what they like
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            facts = replace(facts, failed_at=steps.at, reason=reason)
        facts = replace(facts, seconds=time.perf_counter() - started)
        yield Reply(data={**data, "rehearsal": asdict(facts)})
    except Halt as halt:
        yield RunEnded(outcome=halt.outcome)


def _proven(
    facts: RehearsalFacts, base: Base, steps: TwoSteps
) -> Generator[Event, None, RehearsalFacts]:
    """Look at the trainee after its steps, then save and reload it.

    Raises:
        UserError: It could not be saved, or came back as another.
    """
    trainee = steps.trainee
    training = base.settings.training
    wanted = training.packing and base.settings.model.attention != "eager"
    facts = replace(
        facts,
        outside=tuple(_outside(trainee)),
        modules=sum("lora_B" in name for name in trainee.parameters),
        dead=tuple(_dead(trainee)),
        padded=wanted and not steps.passage.packed,
    )
    yield Progress(phase="saving", message="Saving and loading again", share=0.9)
    steps.at = "when the adapter was saved and loaded again"
    with out_of_memory_in_words(), _scratch_folder() as folder:
        cursor = Cursor(order=steps.batch.order, step=STEPS, micro_batch=training.micro_batch)
        _save_and_reload(trainee, cursor, folder)
    return facts


def _outside(trainee: Trainee) -> Iterator[str]:
    """Yield the weights that are not on the device of the run."""
    wanted = trainee.precision.device.type
    for name, parameter in trainee.model.named_parameters():
        if parameter.device.type != wanted:
            yield name


def _dead(trainee: Trainee) -> Iterator[str]:
    """Yield the modules whose B is still zero after two steps: no gradient came to them."""
    for name, parameter in trainee.parameters.items():
        if "lora_B" in name and not parameter.count_nonzero():
            yield name.partition(".lora_B")[0].removeprefix("base_model.model.")


def _save_and_reload(trainee: Trainee, cursor: Cursor, folder: Path) -> None:
    """Write a checkpoint, forget the adapter, and load it from the disk.

    Raises:
        UserError: It came back as another.
    """
    before = {name: tensor.clone() for name, tensor in adapter_tensors(trainee.model).items()}
    checkpoint = CheckpointStore(folder, keep=2).save(
        cursor.step, files_of(trainee, cursor, copied=False), {}
    )
    with torch.no_grad():
        for parameter in trainee.parameters.values():
            parameter.zero_()
    restored = restore(trainee, verify(checkpoint.path))
    after = adapter_tensors(trainee.model)
    same = all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    if not same or restored != cursor:
        raise UserError(
            "The adapter that was loaded is not the one that was saved.",
            "Keep the runs on another disk, and look whether this one is sound.",
        )


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    """Make a folder on the disk of the runs, and remove it whatever happens."""
    folder = runs_dir() / f".tmp-rehearsal-{os.getpid()}"
    try:
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        raise UserError(
            f"The folder of runs cannot be written: {error.strerror or error}.",
            "Free some space, or set RANKSCOPE_HOME to another folder.",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
