"""The start of a run: nobody else trains it, its base model is here, its memory is foreseen."""

import math
import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.data.encode import Example
from core.data.token_rows import lengths_of, trained_lengths_of
from core.errors import UserError
from core.events import Event, Notice, Progress
from core.memory.devices import Device, find_devices
from core.memory.plan import MemoryPlan, plan_memory
from core.memory.workload import Known
from core.models.info import ModelInfo
from core.models.prepare import prepare
from core.models.sources import open_model
from core.models.starter import HUB_ID
from core.refusals import way_out
from core.run_folder import RunFolder, own_process
from core.settings import RunSettings, save_settings
from core.training.ahead import Largest
from core.training.checkpoint import sweep
from core.training.owner import LOCKS, owned_elsewhere
from core.training.precision import Precision, choose_precision
from core.training.requests import Requests
from core.training.software import fingerprint, versions


@dataclass(frozen=True)
class Base:
    """The base model of a run, not yet loaded.

    Attributes:
        settings: The run's, with the number type that was chosen.
        info: What its headers say.
        folder: Where it lies, as a folder in the Hugging Face layout.
        fingerprint: Tells it from others (see `core.training.software`).
        precision: Device and number type of its products.
    """

    settings: RunSettings
    info: ModelInfo
    folder: Path
    fingerprint: str
    precision: Precision

    @property
    def public_name(self) -> str:
        """What others know the base model by: its hub id, else where it lies here."""
        if self.info.kind == "starter":
            return HUB_ID
        if self.info.kind == "hub":
            return self.info.source
        return str(Path(self.info.path or self.folder).resolve())

    @property
    def device(self) -> Device | None:
        """The device of the run with what is free there now; None where nothing tells of it."""
        kind = self.precision.device.type  # a ROCm build says "cuda" as well, and has no NVML
        return next((found for found in find_devices() if found.kind == kind), None)

    def plan(self, *parts: Sequence[Example]) -> MemoryPlan:
        """Return the memory plan for these rows on the device of the run."""
        known = Known.of_rows(
            [length for rows in parts for length in lengths_of(rows)],
            [trained for rows in parts for trained in trained_lengths_of(rows)],
            self.settings,
        )
        return plan_memory(self.info, self.settings, device=self.device, known=known)

    def plan_largest(self, largest: Largest) -> MemoryPlan:
        """Return the memory plan for a micro-batch that has gone through."""
        known = Known(
            longest=math.ceil(largest.tokens / self.settings.training.micro_batch),
            trained_share=largest.trained / largest.tokens,
        )
        return plan_memory(self.info, self.settings, device=self.device, known=known)


def claim(run: RunFolder, *, resume: bool) -> None:
    """Make this process the owner of the run and remove what a killed one left behind.

    It stays the owner until the outcome is recorded or the process dies. Claimed twice by the same
    process, it is owned once.

    Raises:
        UserError: Another process is training it, there is nothing to start or to resume, or the
            folder cannot be written.
    """
    try:
        new = LOCKS.take(run)
    except OSError as error:
        raise _not_writable(run, error) from error
    try:
        _begin(run, resume=resume)
    except UserError:
        if new:
            LOCKS.give_back(run)
        raise


def _begin(run: RunFolder, *, resume: bool) -> None:
    """Look whether the run may be started, say that it is running, and tidy it up."""
    state = run.state()
    if state.phase == "running" and state.pid != os.getpid():
        raise owned_elsewhere(run)  # where the file system knows no locks
    if state.phase == "finished":
        raise UserError("This run is finished.", "Start a new run for another try.")
    if not resume and run.checkpoints():
        raise UserError("This run has begun already.", "Resume it, or start a new run.")
    try:
        run.update_state(
            phase="running",
            **own_process(),
            total_steps=run.settings.training.steps,
            message="",
            hint="",
        )
        for folder in (run.path, run.checkpoints_dir, run.ranks_dir):
            folder.mkdir(exist_ok=True)
            sweep(folder)
    except OSError as error:
        raise _not_writable(run, error) from error


def _not_writable(run: RunFolder, error: OSError) -> UserError:
    return UserError(
        f"The run folder {run.path} cannot be written: {error.strerror or error}.",
        f"{way_out(error)} Nothing is lost.",
    )


def prepare_base(settings: RunSettings, requests: Requests) -> Generator[Event, None, Base]:
    """Convert or download the base model if need be, and decide the number types that are "auto".

    Raises:
        UserError: There is no such model.
        Halt: A stop or a pause was asked for.
    """
    yield Progress(phase="loading", message=f"Looking for {settings.model.source}")
    precision = choose_precision(settings.model.dtype, settings.model.attention_dtype)
    chosen = {"model.dtype": precision.name, "model.attention_dtype": precision.attention_name}
    settings = settings.with_changes(chosen)
    folder = yield from prepare(settings.model.source, requests.control)
    requests.check()
    info = open_model(settings.model.source)
    base = Base(settings, info, folder, fingerprint(folder), precision)
    yield Notice(level="info", message=f"Computing in {precision}.")
    return base


def decide_checkpointing(base: Base, *parts: Sequence[Example]) -> Generator[Event, None, Base]:
    """Put the number of checkpointed blocks in the place of "auto", when the rows are known."""
    if base.settings.training.gradient_checkpointing != "auto":
        return base
    plan = base.plan(*parts)
    settings = base.settings.with_changes({"training.gradient_checkpointing": plan.checkpointed})
    if plan.checkpointed:
        message = (
            f"{plan.checkpointed} of {plan.blocks} blocks are checkpointed: they compute their "
            "activations twice, because all of them do not fit the free memory."
        )
    else:
        message = "No block is checkpointed: all activations fit the free memory."
    yield Notice(level="info", message=message)
    return replace(base, settings=settings)


def record_base(run: RunFolder, base: Base) -> None:
    """Write into run.toml which base model it is and what "auto" came to.

    A resumed run computes in the types in which it began, and checkpoints as many blocks, whatever
    the probe says and however much memory is free the next time. From the first checkpoint on the
    file stays as it is; its time tells when the run began.
    """
    if not run.checkpoints():
        software = {**versions(), "base_model": base.info.name, "base_sha256": base.fingerprint}
        save_settings(base.settings, run.settings_file, software)
