"""From the value of `model.source` to a description of the model, from headers alone, no torch."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from core.errors import UserError
from core.models import starter, store
from core.models.folder import CONFIG, open_folder
from core.models.gguf_model import open_gguf
from core.models.hub_cache import cached_ids, cached_snapshot
from core.models.hub_descriptions import kept_description
from core.models.info import BrokenModel, ModelInfo

_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}$")
_GGUF = ".gguf"
_CHOICES = "Choose the starter model, a model folder, a GGUF file or a hub id such as org/name."


def open_model(source: str, *, planning: bool = False) -> ModelInfo:
    """Describe the model that `source` names, from files on this computer only.

    A hub model that is not here, but was described before, is described as it was then, without a
    path.

    Args:
        source: "starter", a model folder, a GGUF file or a hub id.
        planning: It will not be trained (see `open_folder`).

    Raises:
        UserError: There is no such model, or it is broken; the message says which file and why.
    """
    if source == starter.SOURCE:
        return starter.open_starter()
    try:
        path = local_path(source)
    except (OSError, ValueError) as error:  # a name too long, a NUL in it, a loop of links
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{source:.80} cannot be opened: {reason}.", _CHOICES) from None
    if path is not None:
        return open_path(path, source, planning=planning)
    if is_hub_id(source):
        snapshot = cached_snapshot(source)
        if snapshot is not None:
            return open_folder(snapshot, source=source, name=source, kind="hub", planning=planning)
        described = kept_description(source)
        if described is not None:
            return described
        raise UserError(
            f"{source} is not on this computer yet.", "Go online; Rankscope then downloads it."
        )
    raise UserError(f"There is no model at {source}.", _CHOICES)


def open_path(path: Path, source: str, *, planning: bool = False) -> ModelInfo:
    """Describe a folder or a GGUF file."""
    if path.is_dir():
        return open_folder(path, source=source, name=path.name, kind="folder", planning=planning)
    return open_gguf(path, source)


def local_path(source: str) -> Path | None:
    """Return the folder or GGUF file that `source` leads to, or None if it is no path here.

    A folder whose only model is one GGUF file stands for that file, and a file inside a model
    folder for its folder.

    Raises:
        UserError: It is a file of another kind.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        files = sorted(path.glob(f"*{_GGUF}"))
        return files[0] if len(files) == 1 and not (path / CONFIG).is_file() else path
    if not path.is_file():
        return None
    if path.suffix.lower() == _GGUF:
        return path
    if (path.parent / CONFIG).is_file():
        return path.parent
    raise UserError(f"{path.name} is no model.", _CHOICES)


def is_hub_id(source: str) -> bool:
    """Tell whether `source` has the form org/name."""
    return bool(_HUB_ID.match(source))


def find_models(recent: Iterable[str]) -> Iterator[ModelInfo | BrokenModel]:
    """Yield what there is to choose from: the starter, kept models, the hub's cache, `recent`.

    A broken one is in the list with its message; nothing is raised.
    """
    sources = dict.fromkeys([starter.SOURCE, *_kept(), *cached_ids(), *recent])
    return map(_open_or_tell, sources)


def _kept() -> Iterator[str]:
    return (str(folder) for folder in store.stored_models() if folder.name != starter.NAME)


def _open_or_tell(source: str) -> ModelInfo | BrokenModel:
    try:
        return open_model(source)
    except UserError as error:
        return BrokenModel(source, Path(source).name, error.message, error.hint)
    except OSError as error:  # a name that no file system takes, a folder without permission
        return BrokenModel(source, Path(source).name, f"It cannot be read: {error}.", _CHOICES)
