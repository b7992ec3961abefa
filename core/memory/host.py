"""What a run needs beside the card: main memory while it loads and saves, and room on the disk.

Needs of memory follow each other, so that the largest counts; needs of the disk add up. Headers of
files, a few kilobytes each, are left out.
"""

from dataclasses import dataclass
from pathlib import Path

import psutil

from core.adapters import ADAPTERS, AdapterSettings
from core.memory.devices import Device
from core.memory.overhead import WORKER_BASE, saving_bytes
from core.memory.plan import MemoryPlan
from core.memory.trained import ADAPTER_ELEMENT, EIGHT_BIT, state_bytes
from core.memory.workload import FP32
from core.models import store
from core.models.info import ModelInfo
from core.models.targets import adapted
from core.settings import RunSettings

BF16 = 2  # bytes
ROUNDING_WASTE = 0.85
"""Of weights that are rounded on a processor: the holes that rounding leaves between them."""
CODE_TABLES = 2 * 256 * FP32  # bytes: what the 8-bit numbers of each moment stand for
TOKEN = 4  # bytes: int32, see `core.data.token_rows`
TOKEN_ROW = 3 * 8 + 2 * TOKEN + TOKEN + 2 * 4
"""Bytes of a row beside its tokens: three places in lists, one stretch of trained tokens, the end
of one answer, two counts. More answers in a row take 12 bytes each."""


@dataclass(frozen=True)
class Need:
    """Room that is taken for a while, or for good.

    Attributes:
        name: What for.
        size_bytes: How much; 0 where it is not needed.
        why: What it consists of.
    """

    name: str
    size_bytes: int
    why: str


def free_main_memory() -> int:
    """Return what programs can have without others being paged out."""
    return int(psutil.virtual_memory().available)


def memory_needs(
    info: ModelInfo, settings: RunSettings, plan: MemoryPlan, device: Device
) -> tuple[Need, ...]:
    """Return the peaks in main memory beside the training itself.

    Raises:
        UserError: A target matches no module.
    """
    stays = "the weights stay there" if device.kind == "cpu" else "the weights go on to the card"
    return (
        Need(
            "Loading the model",
            loading_bytes(info, plan, device),
            f"The libraries and one matrix at a time; {stays}.",
        ),
        Need(
            "Saving a checkpoint",
            saving_bytes(adapter_bytes(info, settings), moment_bytes(info, settings)),
            "A copy of adapter and moments, so that training goes on, and the file, twice over.",
        ),
        Need(
            "Merging with PEFT, later",
            merging_bytes(info, settings),
            "The libraries, the whole model in 16 bits, and the change of its largest matrix.",
        ),
    )


def disk_needs(
    info: ModelInfo, settings: RunSettings, *, rows: int, tokens: int
) -> tuple[Need, ...]:
    """Return what a run leaves on the disk, and what a merged model would take there.

    Args:
        info: The base model.
        settings: The run.
        rows: Those of the data; 0 before they were read.
        tokens: Of all rows, uncut.

    Raises:
        UserError: A target matches no module.
    """
    kept = settings.training.keep_checkpoints
    return (
        Need(
            "Model files, once",
            arriving_bytes(info),
            "The download, or a GGUF file unpacked to 16 bits; none where the model is ready here.",
        ),
        Need(
            "Checkpoints",
            run_bytes(info, settings),
            f"The {kept} newest, the best and the next one, with their moments; and the adapter.",
        ),
        Need(
            "Tokens of the data",
            token_bytes(rows, tokens),
            "4 bytes per token, kept for other runs.",
        ),
        Need(
            "Merged model, later",
            sixteen_bit_bytes(info),
            "All weights in 16 bits, where a program cannot load an adapter.",
        ),
    )


# -- main memory ----------------------------------------------------------------------------


def loading_bytes(info: ModelInfo, plan: MemoryPlan, device: Device) -> int:
    """Return the peak while the base model is loaded, with the libraries.

    transformers maps the files and takes one tensor at a time, which is rounded to 8 or 4 bits
    before the next one comes (`convert_and_load_state_dict_in_model`). So nothing depends on the
    size of a shard, and the pages of the files go back to the system when it needs them.

    On a processor the weights stay. Rounding them leaves holes between what stays
    (`ROUNDING_WASTE`). Of 645 million parameters 1,860 MiB were measured in 4 bits and fp32, 1,865
    are computed; 2,772 in fp32 without rounding, 2,890 computed.
    """
    if device.kind != "cpu":
        return WORKER_BASE.likely + max((tensor.size_bytes for tensor in info.tensors), default=0)
    waste = ROUNDING_WASTE if plan.bits < 16 else 0.0
    return WORKER_BASE.likely + round((1 + waste) * plan.parts["weights"])


def merging_bytes(info: ModelInfo, settings: RunSettings) -> int:
    """Return the peak while PEFT merges the adapter into a 16-bit model on the processor.

    `LoraLayer.get_delta_weight` makes B·A in the type of the adapter, fp32, and once more when it
    scales it: 8·m·n for the largest adapted matrix. Saving writes from where the weights lie. Of
    645 million parameters 1,786 MiB were measured, 1,772 are computed.
    """
    largest = max(m * n for (m, n), _ in _targets(info, settings))
    loaded = WORKER_BASE.likely + sixteen_bit_bytes(info) + adapter_bytes(info, settings)
    return loaded + 2 * FP32 * largest


# -- disk -----------------------------------------------------------------------------------


def adapter_bytes(info: ModelInfo, settings: RunSettings) -> int:
    """Return the size of adapter_model.safetensors: N parameters of fp32."""
    count = ADAPTERS[settings.adapter.method].parameters
    return ADAPTER_ELEMENT * sum(count(s, adapter) for s, adapter in _targets(info, settings))


def moment_bytes(info: ModelInfo, settings: RunSettings) -> int:
    """Return the size of optimizer.safetensors: the states as they lie in memory.

    In 8 bits the two tables of 256 codes, which all matrices share in memory, are written with each
    of them, A and B.
    """
    optimizer, targets = settings.training.optimizer, _targets(info, settings)
    tables = 2 * CODE_TABLES * len(targets) if optimizer in EIGHT_BIT else 0
    return tables + round(sum(state_bytes(optimizer, s, adapter) for s, adapter in targets))


def run_bytes(info: ModelInfo, settings: RunSettings) -> int:
    """Return the size of a run on the disk: kept checkpoints, the best, a new one, the adapter.

    Raises:
        UserError: A target matches no module.
    """
    weights = adapter_bytes(info, settings)
    checkpoints = settings.training.keep_checkpoints + 2
    return checkpoints * (weights + moment_bytes(info, settings)) + weights


def token_bytes(rows: int, tokens: int) -> int:
    """Return the size of so many rows as cached tokens (`core.data.token_rows.SCHEMA`)."""
    return TOKEN * tokens + TOKEN_ROW * rows


def sixteen_bit_bytes(info: ModelInfo) -> int:
    """Return the size of a model folder in 16 bits, a tied head counted once: 2·P."""
    return BF16 * info.parameters


def arriving_bytes(info: ModelInfo) -> int:
    """Return what must be written before the first training: a download, or an unpacked GGUF."""
    if not info.path:
        return info.disk_bytes
    return 0 if is_ready(info) else sixteen_bit_bytes(info)


def is_ready(info: ModelInfo) -> bool:
    """Tell whether the model lies here as a folder that can be loaded."""
    file = Path(info.path)
    if not info.path or file.suffix != ".gguf":
        return bool(info.path)
    return store.unpacked(file) is not None


def _targets(
    info: ModelInfo, settings: RunSettings
) -> list[tuple[tuple[int, int], AdapterSettings]]:
    """Return the shapes of all matrices that get an adapter, each with its settings."""
    by_name = info.grid.by_name
    targets = adapted(settings.adapter, info.grid)
    return [(by_name[name].shape, adapter) for name, adapter in targets.items()]
