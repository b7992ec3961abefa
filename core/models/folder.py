"""A model folder in the Hugging Face layout, described from its small files and headers."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.models.architecture import quantization, read_architecture, read_dimensions
from core.models.expected import expected_tensors
from core.models.families import FAMILIES
from core.models.info import Architecture, ModelInfo
from core.models.json_file import read_json
from core.models.manifest import main_dtype
from core.models.store import read_record
from core.models.weights import as_loaded, read_weights, weight_files

CONFIG = "config.json"
ADAPTER = "adapter_config.json"
_LICENCE = re.compile(r"^license:[ \t]*['\"]?([^'\"\n#]+)", re.MULTILINE)
_README_BYTES = 1 << 16
_ONLY_CONFIG = "Only config.json is here: good for planning, not for training."
_UNKNOWN = "The family {} is not written down here: its blocks are planned as if they were Llama's."
_QUANTIZED = (
    "The weights are stored quantized ({}): planned as the 16-bit model that they came from."
)


def open_folder(
    folder: Path, *, source: str, name: str, kind: str, planning: bool = False
) -> ModelInfo:
    """Describe the model in `folder`; where only config.json is, derive its tensors.

    Args:
        folder: Holds config.json and safetensors files, or config.json alone.
        source: The value of `model.source` that leads here.
        name: Name for people.
        kind: "starter", "folder" or "hub".
        planning: It will not be trained, so encoders and quantized weights are welcome.

    Raises:
        UnknownFamily: There are no weights that could be read, and no derivation.
        UserError: It is no model, is incomplete, or of a kind that we cannot train.
    """
    began = time.perf_counter()
    check_folder(folder, name)
    config = read_json(folder / CONFIG)
    architecture = (read_dimensions if planning else read_architecture)(config, name)
    files, method = weight_files(folder), quantization(config)
    if files and not method:
        tensors = as_loaded(read_weights(files), architecture)
    else:
        tensors = expected_tensors(config, architecture)
    return ModelInfo(
        source=source,
        name=name,
        path=str(folder),
        kind=kind,
        architecture=architecture,
        tensors=tensors,
        dtype=main_dtype(tensors),
        licence=read_licence(folder) or read_record(folder).get("licence", ""),
        disk_bytes=sum(file.stat().st_size for file in files),
        has_chat_template=has_chat_template(folder),
        transposed=architecture.known and FAMILIES[architecture.family].transposed,
        notes=tuple(_notes(architecture, only_config=not files, method=method)),
        read_ms=(time.perf_counter() - began) * 1000,
    )


def _notes(architecture: Architecture, *, only_config: bool, method: str) -> Iterator[str]:
    if only_config:
        yield _ONLY_CONFIG
    if method:
        yield _QUANTIZED.format(method)
    if not architecture.known:
        yield _UNKNOWN.format(architecture.family)


def check_folder(folder: Path, name: str) -> None:
    """Refuse what is no base model.

    Raises:
        UserError: The folder holds an adapter, or no config.json.
    """
    if (folder / ADAPTER).is_file():
        base = read_json(folder / ADAPTER).get("base_model_name_or_path") or "its base model"
        raise UserError(
            f"{name} is an adapter, not a base model.",
            f"Choose {base} here; the Ranks page opens adapters.",
        )
    if not (folder / CONFIG).is_file():
        raise UserError(
            f"{name} is no model folder: it has no {CONFIG}.",
            "Choose a folder in the Hugging Face layout, a GGUF file or a hub id.",
        )


def read_licence(folder: Path) -> str:
    """Return the `license` of the front matter of README.md; empty if there is none."""
    try:
        with (folder / "README.md").open(encoding="utf-8", errors="replace") as file:
            text = file.read(_README_BYTES)
    except OSError:
        return ""
    return licence_of(text)


def licence_of(card: str) -> str:
    """Return the licence that the front matter of a model card names; empty for none."""
    if not card.startswith("---"):
        return ""
    front = card[3:].split("\n---", 1)[0]
    match = _LICENCE.search(front)
    return match[1].strip() if match else ""


def has_chat_template(folder: Path) -> bool:
    """Tell whether the tokenizer knows how to write a conversation."""
    if (folder / "chat_template.jinja").is_file():
        return True
    try:
        settings: dict[str, Any] = read_json(folder / "tokenizer_config.json")
    except UserError:
        return False
    return bool(settings.get("chat_template"))
