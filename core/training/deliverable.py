"""The deliverable of a run: `adapter/`, a PEFT folder with a model card and the chat template."""

import os
import shutil
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

from core.adapters import ADAPTERS
from core.durable import replace_folder, sync_folder, write_synced
from core.errors import UserError
from core.events import Event, Notice
from core.model_card import model_card
from core.models.load import load_tokenizer
from core.run_folder import RunFolder
from core.settings import RunSettings
from core.training.checkpoint import Checkpoint, CheckpointNotSaved, CheckpointStore
from core.training.snapshot import CONFIG, WEIGHTS, Cursor
from core.training.start import Base

TEMPLATE = "chat_template.jinja"


def deliver(
    run: RunFolder, store: CheckpointStore, cursor: Cursor, base: Base
) -> Generator[Event, None, Path]:
    """Write `adapter/` from the best checkpoint, or from the last where no loss was measured.

    Raises:
        CheckpointNotSaved: The disk is full or refuses; an earlier deliverable is untouched.
        UserError: No checkpoint verifies.
    """
    checkpoint = store.find(cursor.best_step if cursor.best_step > 0 else cursor.step)
    if checkpoint is None:
        checkpoint = store.find(cursor.step)
        message = f"The best checkpoint is damaged; the adapter is that of step {cursor.step}."
        yield Notice(level="warning", message=message)
    if checkpoint is None:
        raise UserError("The last checkpoint is damaged.", "Resume the run to train it again.")
    if cursor.first_loss is not None and (cursor.best_loss or 0.0) > cursor.first_loss:
        message = "The adapter is worse than the base model on the held-out rows."
        yield Notice(level="warning", message=message, hint="Try a lower learning rate.")
    files = {"README.md": _card(run.settings, cursor, checkpoint.step, base)}
    template = load_tokenizer(base.folder).chat_template
    if isinstance(template, str):  # whoever runs the adapter must write turns as it learned them
        files[TEMPLATE] = template
    try:
        _replace_folder(run.adapter_dir, checkpoint, files)
    except OSError as error:
        raise CheckpointNotSaved(
            f"The adapter could not be written: {error.strerror or error}.",
            "All checkpoints are safe. Free some space on this disk, then resume the run.",
        ) from error
    return run.adapter_dir


def _card(settings: RunSettings, cursor: Cursor, step: int, base: Base) -> str:
    """Return the README.md of the adapter taken from `step`."""
    method = ADAPTERS[settings.adapter.method].title
    return model_card(
        name=settings.name,
        summary=f"{method} adapter for `{base.public_name}`, made with Rankscope.",
        base=base.public_name,
        facts=_facts(settings, cursor, step, method),
        licence=base.info.licence,
    )


def _facts(
    settings: RunSettings, cursor: Cursor, step: int, method: str
) -> Iterator[tuple[str, str]]:
    adapter = settings.adapter.model_dump()
    shown = ", ".join(f"{k} {v:g}" for k, v in adapter.items() if isinstance(v, int | float))
    double = " with double quantization" if settings.model.double_quant else ""
    bits = {16: "16 bit", 8: "8 bit (LLM.int8)", 4: f"4 bit (NF4{double})"}
    rows = settings.training.micro_batch * settings.training.accumulation
    best = "the best checkpoint by validation loss" if step == cursor.best_step else "the end"
    yield "Method", f"{method}, {shown}"
    yield "Target layers", ", ".join(settings.adapter.targets)
    yield "Base weights in training", bits[settings.model.bits]
    yield "Data", Path(settings.data.path).name
    yield (
        "Training",
        f"{cursor.step} of {settings.training.steps} steps of {rows} rows, "
        f"peak learning rate {settings.training.learning_rate:g}",
    )
    yield "Taken from", f"step {step}, {best}"
    if cursor.first_loss is not None and cursor.best_loss is not None:
        change = f"{cursor.first_loss:.3f} before training, {cursor.best_loss:.3f} after"
        yield "Validation loss (nats per token)", change


def _replace_folder(target: Path, checkpoint: Checkpoint, texts: Mapping[str, str]) -> None:
    unfinished = target.with_name(f".tmp-{target.name}-{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir()
        for name in (WEIGHTS, CONFIG):
            write_synced(unfinished / name, checkpoint.read(name))
        for name, text in texts.items():
            write_synced(unfinished / name, text.encode())
        sync_folder(unfinished)
        replace_folder(unfinished, target)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
