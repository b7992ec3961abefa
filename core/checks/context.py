"""What the preflight checks look at, gathered once."""

import shutil
from collections.abc import Mapping
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
        missing_start: The tokenizer begins texts with a start token, and no row has one.
        split_markers: Markers of the chat template that are no tokens of the model, with the number
            of tokens that each falls into.
        untrained_markers: Markers of the chat template whose embedding was never trained.
        thinks: The chat template knows thoughts, a part of the answer that nobody is shown.
        marked_rows: Rows that hold a special token in their words, and the first such token.
    """

    stats: DataStats
    has_chat_template: bool
    double_start: bool = False
    missing_start: bool = False
    split_markers: tuple[tuple[str, int], ...] = ()
    untrained_markers: tuple[str, ...] = ()
    thinks: bool = False
    marked_rows: tuple[int, str] = (0, "")


@dataclass(frozen=True, kw_only=True)
class DeviceFacts:
    """What only a trial on the device can tell; made by `core.checks.device` in the worker.

    Attributes:
        name: The device.
        products: Why a product and its gradient cannot be computed there, "" where they can.
        quantized: Why weights of the run's bits cannot be, "" where they can or are not wanted.
    """

    name: str
    products: str = ""
    quantized: str = ""


@dataclass(frozen=True, kw_only=True)
class RehearsalFacts:
    """What doing all of it once came to; made by `core.training.rehearsal` in the worker.

    Attributes:
        device: Kind of the device.
        failed_at: The stage that failed, such as "in step 2"; "" where none did.
        reason: What it said.
        hint: What it said to do.
        exhausted: Memory ran out there.
        seconds: How long it took.
        measured_bytes: The peak of memory.
        outside: Weights that are not on the device.
        modules: Number of adapted modules.
        dead: Those of them to which no gradient came.
        padded: Packed rows were asked for, and a trial did not prove that none sees another.
    """

    device: str = ""
    failed_at: str = ""
    reason: str = ""
    hint: str = ""
    exhausted: bool = False
    seconds: float = 0.0
    measured_bytes: int = 0
    outside: tuple[str, ...] = ()
    modules: int = 0
    dead: tuple[str, ...] = ()
    padded: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckContext:
    """Everything that is known about a run before it starts; what is not known is None.

    Attributes:
        settings: The run.
        model: The base model, None where it cannot be read (`model_error` says why).
        table: The rows, None where they cannot be read (`data_error` says why).
        split: Which of them are held out.
        near: For each row that nearly repeats an earlier one that row, None before that was looked
            for.
        tokens: What the tokenizer told, None without one (`token_error` says why, if it failed).
        device: Where the run will happen.
        trial: What was tried on the device, None where nothing was.
        rehearsal: What a rehearsal came to, None where there was none.
        free_disk_bytes: Free space where runs are kept.
        runs: The folder of all runs.
    """

    settings: RunSettings
    model: ModelInfo | None = None
    model_error: UserError | None = None
    table: RowTable | None = None
    data_error: UserError | None = None
    split: Split | None = None
    near: Mapping[int, int] | None = None
    tokens: TokenFacts | None = None
    token_error: UserError | None = None
    device: Device | None = None
    trial: DeviceFacts | None = None
    rehearsal: RehearsalFacts | None = None
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
