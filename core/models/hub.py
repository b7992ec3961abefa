"""Models on the Hugging Face hub: described from headers, downloaded as safetensors only."""

import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.control import Control
from core.errors import UserError
from core.events import Progress
from core.models.architecture import read_architecture
from core.models.families import FAMILIES
from core.models.folder import CONFIG
from core.models.gated import gated_in_words
from core.models.hub_descriptions import keep_description
from core.models.info import ModelInfo, TensorSpec
from core.models.json_file import read_json
from core.models.manifest import main_dtype
from core.models.reporting import Cancelled, Report, run_reporting
from core.models.weights import as_loaded

_PATIENCE = 5.0  # seconds without an answer
_WANTED = ["*.json", "*.safetensors", "*.jinja", "*.txt", "tokenizer.model", "README.md"]
_UNWANTED = ["*/*", "consolidated*"]  # other formats of the same weights
_SAFETENSORS = ".safetensors"


def describe(hub_id: str) -> ModelInfo:
    """Describe a model of the hub from config.json and the headers of its weights, and keep that.

    Of every file of weights the first 100 kB are asked for, or the whole header where it is longer.

    Raises:
        UserError: The hub cannot be reached, has no such model, or it is of the wrong kind.
    """
    began = time.perf_counter()
    with _in_words(hub_id):
        from huggingface_hub import HfApi

        api = HfApi()
        card = api.model_info(hub_id, timeout=_PATIENCE, files_metadata=True)
        config = _config(api, hub_id)
        architecture = read_architecture(config, hub_id)
        metadata = api.get_safetensors_metadata(hub_id, timeout=_PATIENCE)
    tensors = as_loaded(_specs(metadata), architecture)
    info = ModelInfo(
        source=hub_id,
        name=hub_id,
        path="",
        kind="hub",
        architecture=architecture,
        tensors=tensors,
        dtype=main_dtype(tensors),
        licence=str(getattr(card.card_data, "license", None) or ""),
        disk_bytes=_weight_bytes(card.siblings or []),
        has_chat_template=_has_chat_template(card),
        transposed=architecture.known and FAMILIES[architecture.family].transposed,
        notes=("Not downloaded yet.",),
        read_ms=(time.perf_counter() - began) * 1000,
    )
    keep_description(info)
    return info


def download(hub_id: str, control: Control) -> Generator[Progress, None, Path]:
    """Download weights, tokenizer and configuration; what is there already is kept.

    Raises:
        UserError: The hub cannot be reached, the disk is full, or a stop was asked for.
    """

    def fetch(report: Report) -> str:
        from huggingface_hub import snapshot_download

        report(f"Asking the hub for {hub_id}", -1.0)
        folder: str = snapshot_download(
            hub_id,
            allow_patterns=_WANTED,
            ignore_patterns=_UNWANTED,
            etag_timeout=_PATIENCE,
            tqdm_class=_reporting_bar(report, hub_id),
        )
        return folder

    try:
        with _in_words(hub_id):
            return Path((yield from run_reporting(fetch, control)))
    except Cancelled:
        raise UserError(
            f"The download of {hub_id} was cancelled.", "What is there already is kept."
        ) from None


@contextmanager
def _in_words(hub_id: str) -> Iterator[None]:
    """Turn what the hub's library raises into one sentence.

    All of its errors are OSError, ValueError, or HTTPError of the client that it uses.
    """
    from huggingface_hub import errors

    http_error: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]
    try:
        yield
    except errors.GatedRepoError as error:
        raise gated_in_words(hub_id, error) from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"The hub has no model {hub_id}, or it is private.", "Check the spelling."
        ) from error
    except errors.NotASafetensorsRepoError as error:
        raise UserError(
            f"{hub_id} has no safetensors files.", "Choose a version of this model that has."
        ) from error
    except errors.RemoteEntryNotFoundError as error:
        raise UserError(
            f"{hub_id} has no {CONFIG}: it is not kept in the form of transformers.",
            "Choose the model that its files were made from.",
        ) from error
    except (OSError, ValueError, http_error, errors.SafetensorsParsingError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise UserError(
            f"{hub_id} could not be reached on the hub: {reason}.",
            "Go online, or choose a model that is on this computer.",
        ) from error


def _config(api: Any, hub_id: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="rankscope-") as folder:
        file = api.hf_hub_download(hub_id, CONFIG, local_dir=folder, etag_timeout=_PATIENCE)
        return read_json(Path(file))


def _specs(metadata: Any) -> Iterator[TensorSpec]:
    for file in metadata.files_metadata.values():
        for name, tensor in file.tensors.items():
            begin, end = tensor.data_offsets
            yield TensorSpec(name, tuple(tensor.shape), tensor.dtype, end - begin)


def _weight_bytes(siblings: list[Any]) -> int:
    files = (sibling for sibling in siblings if sibling.rfilename.endswith(_SAFETENSORS))
    return sum(sibling.size or 0 for sibling in files if "/" not in sibling.rfilename)


def _has_chat_template(card: Any) -> bool:
    settings = (card.config or {}).get("tokenizer_config") or {}
    files = {sibling.rfilename for sibling in card.siblings or []}
    return bool(settings.get("chat_template")) or "chat_template.jinja" in files


def _reporting_bar(report: Callable[[str, float], None], hub_id: str) -> type[Any]:
    """Return a progress bar class that reports instead of drawing."""
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        """Counts bytes; the bar over files is too coarse for one large file."""

        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **{**options, "disable": False, "file": _Nowhere()})

        def update(self, n: float | None = 1) -> bool | None:
            """Report the share of bytes."""
            shown: bool | None = super().update(n)
            if self.unit == "B" and self.total:
                report(f"Downloading {hub_id}", min(1.0, self.n / self.total))
            return shown

    return Bar


class _Nowhere:
    """A terminal that shows nothing."""

    def write(self, _: str) -> None:
        """Forget it."""

    def flush(self) -> None:
        """Have nothing to do."""
