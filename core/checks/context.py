"""What the preflight checks look at, gathered once."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from core.data.rows import load_rows
from core.data.split import Split, split_rows
from core.data.stats import DataStats
from core.data.table import RowTable
from core.errors import UserError
from core.memory.devices import Device, find_devices
from core.models.info import ModelInfo
from core.models.sources import open_model
from core.paths import runs_dir
from core.settings import RunSettings


@dataclass(frozen=True, kw_only=True)
class TokenFacts:
    """What only a tokenizer can tell; made by `core.checks.tokens` in the worker.

    Attributes:
        stats: Numbers about the encoded rows.
        has_chat_template: The tokenizer brings one.
        double_start: The start token stands twice at the beginning of a row.
    """

    stats: DataStats
    has_chat_template: bool
    double_start: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckContext:
    """Everything that is known about a run before it starts; what is not known is None.

    Attributes:
        settings: The run.
        model: The base model, None where it cannot be read (`model_error` says why).
        table: The rows, None where they cannot be read (`data_error` says why).
        split: Which of them are held out.
        tokens: What the tokenizer told, None without one (`token_error` says why, if it failed).
        device: Where the run will happen.
        free_disk_bytes: Free space where runs are kept.
        runs: The folder of all runs.
    """

    settings: RunSettings
    model: ModelInfo | None = None
    model_error: UserError | None = None
    table: RowTable | None = None
    data_error: UserError | None = None
    split: Split | None = None
    tokens: TokenFacts | None = None
    token_error: UserError | None = None
    device: Device | None = None
    free_disk_bytes: int | None = None
    runs: Path | None = None


def gather(
    settings: RunSettings, *, model: ModelInfo | None = None, table: RowTable | None = None
) -> CheckContext:
    """Gather what can be known without torch and without a tokenizer.

    Args:
        settings: The run.
        model: The base model, if it has been read already.
        table: The rows, if they have been read already.
    """
    model_error = data_error = None
    try:
        model = model or open_model(settings.model.source)
    except UserError as error:
        model_error = error
    try:
        table = table or load_rows(settings.data)
    except UserError as error:
        data_error = error
    return CheckContext(
        settings=settings,
        model=model,
        model_error=model_error,
        table=table,
        data_error=data_error,
        split=split_rows(table, settings.data, settings.training.seed) if table else None,
        device=next(iter(find_devices()), None),
        free_disk_bytes=_free_bytes(runs_dir()),
        runs=runs_dir(),
    )


def _free_bytes(folder: Path) -> int | None:
    """Return the free space for `folder`, which need not exist yet."""
    for place in (folder, *folder.parents):
        if place.is_dir():
            return shutil.disk_usage(place).free
    return None
