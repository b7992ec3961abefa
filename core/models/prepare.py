"""Makes a model a folder on this computer, in the Hugging Face layout; worker only."""

from collections.abc import Generator
from pathlib import Path

from core.control import Control
from core.events import Progress
from core.models import starter, store
from core.models.convert import convert_gguf


def prepare(source: str, control: Control) -> Generator[Progress, None, Path]:
    """Return the folder that `load_model` reads, converting or downloading where necessary.

    Raises:
        UserError: The source leads nowhere, cannot be converted or cannot be reached.
    """
    file = starter.packaged_gguf()
    if file is None:
        raise starter.missing()
    return (yield from _converted(file, starter.NAME, starter.LICENCE, control))


def _converted(
    file: Path, name: str, licence: str, control: Control
) -> Generator[Progress, None, Path]:
    found = store.stored(name)
    if found is not None:
        return found
    yield Progress(phase="loading", message=f"Converting {file.name}, once", share=0.0)
    with store.unfinished(name) as folder:
        yield from convert_gguf(file, folder, control)
        return store.commit(folder, name, {"source": str(file), "licence": licence})
