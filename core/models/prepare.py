"""Makes a model a folder on this computer, in the Hugging Face layout; worker only."""

import shutil
from collections.abc import Generator
from pathlib import Path

from core.control import Control
from core.errors import UserError
from core.events import Progress
from core.memory.host import sixteen_bit_bytes
from core.models import hub, starter, store
from core.models.convert import convert_gguf
from core.models.gguf_model import open_gguf
from core.models.sources import is_hub_id, local_path, open_model, open_path
from core.models.weights import weight_files

_RESERVE = 1.05  # tokenizer and configuration, generously


def prepare(source: str, control: Control) -> Generator[Progress, None, Path]:
    """Return the folder that `load_model` reads, converting or downloading where necessary.

    Raises:
        UserError: The source leads nowhere, is broken, cannot be converted, cannot be reached, or
            a stop was asked for.
    """
    if source == starter.SOURCE:
        return (yield from _starter(control))
    path = local_path(source)
    if path is None and is_hub_id(source):
        return (yield from _from_hub(source, control))
    if path is None or path.is_dir():
        return _checked_folder(open_path(path, source).path if path else open_model(source).path)
    name = f"{path.stem}-{store.fingerprint(path)}"
    return (yield from _converted(path, name, control))


def _starter(control: Control) -> Generator[Progress, None, Path]:
    folder = starter.local_folder()
    if folder is not None:
        return folder
    file = starter.packaged_gguf()
    if file is not None:
        return (yield from _converted(file, starter.NAME, control))
    try:
        return (yield from hub.download(starter.HUB_ID, control))
    except UserError as error:
        raise starter.missing() from error


def _from_hub(hub_id: str, control: Control) -> Generator[Progress, None, Path]:
    try:
        folder = open_model(hub_id).path  # empty for a model of which only the headers were read
        if folder:
            return _checked_folder(folder)
    except UserError:  # not here yet, or only a part of it
        pass
    return _checked_folder(str((yield from hub.download(hub_id, control))))


def _checked_folder(path: str) -> Path:
    folder = Path(path)
    if not weight_files(folder):
        raise UserError(
            f"{folder.name} has no weights, only config.json.",
            "Put its safetensors files beside it to train; planning works without.",
        )
    return folder


def _converted(file: Path, name: str, control: Control) -> Generator[Progress, None, Path]:
    found = store.stored(name)
    if found is not None:
        return found
    info = open_gguf(file, str(file))  # says at once what is broken or unknown
    _check_room(sixteen_bit_bytes(info))
    yield Progress(phase="loading", message=f"Converting {file.name}, once", share=0.0)
    with store.unfinished(name) as folder:
        yield from convert_gguf(file, folder, control)
        return store.commit(folder, name, {"source": str(file), "licence": info.licence})


def _check_room(needed: int) -> None:
    place = store.existing_parent()
    free = shutil.disk_usage(place).free
    if free < needed * _RESERVE:
        raise UserError(
            f"The converted model needs {needed / 1e9:.1f} GB; {place} has {free / 1e9:.1f} GB.",
            "Make room, or set RANKSCOPE_HOME to another disk.",
        )
