"""Adapters in one safetensors file, as Diffusers, kohya's sd-scripts and LyCORIS write them.

Which of them wrote a file shows in its keys. ΔW is scaled by α/r, with α from a tensor beside the
matrices or from the notes of the file; where there is none, α is r.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.models.info import ModelInfo
from core.ranks.families import FAMILIES, StoredModule
from core.ranks.safetensors_file import SafetensorsFile
from core.ranks.stored import Placed, StoredAdapter, family_of, grouped, nothing_found

_FAMILIES = ("lora", "loha", "lokr")
_WIDE_PARTS = sorted({part for name in ("loha", "lokr") for part in FAMILIES[name].own})
_SUFFIXES = (  # pattern of what follows the module's name, and the part that it is
    (r"\.lora_down\.weight", "lora_A"),
    (r"\.lora_up\.weight", "lora_B"),
    (r"\.lora_mid\.weight", "lora_mid"),
    (r"\.lora_A(?:\.[^.]+)?\.weight", "lora_A"),
    (r"\.lora_B(?:\.[^.]+)?\.weight", "lora_B"),
    (r"[._]lora(?:_linear_layer)?\.down\.weight", "lora_A"),
    (r"[._]lora(?:_linear_layer)?\.up\.weight", "lora_B"),
    (r"\.dora_scale", "magnitude"),
    (r"\.lora_magnitude_vector(?:\.[^.]+)?(?:\.weight)?", "magnitude"),
    (r"\.alpha", "alpha"),
    *((rf"\.{part}", part) for part in _WIDE_PARTS),
)
_KEYS = tuple((re.compile(rf"(?P<module>.+?){suffix}"), part) for suffix, part in _SUFFIXES)
_MANGLED = re.compile(r"(lora|lycoris)_((?P<model>unet|te\d?|transformer|prior)_)?(?P<path>.+)")
_NUMBER = re.compile(r"_(\d+)(?=_|$)")
_NOTES = "lora_adapter_metadata"  # where Diffusers keeps the configuration of each model
_DORA_NOTE = (
    "With dora_scale (DoRA): these are the spectra of the directional part. The learned lengths "
    "change W as well, and that change has full rank."
)


@dataclass(frozen=True)
class FileDescription:
    """What a file says of α: tensors, or Diffusers' notes by model ("unet.lora_alpha")."""

    notes: Mapping[str, Any] = field(default_factory=dict)

    def rank(self, name: str) -> int:
        """Return 0: the matrices tell."""
        return 0

    def scaling(self, module: StoredModule, rank: int) -> float:
        """Return α/r; 1 for a LoKr of two whole matrices, as LyCORIS does.

        Raises:
            UserError: α is no number, or 0, for which programs differ.
        """
        if rank == 0:
            return 1.0
        if "alpha" not in module:
            return self._noted(module.name, rank)
        alpha = module.tensor("alpha")
        if alpha.size != 1:
            raise module.misfit("alpha")
        if alpha.item() == 0:
            raise UserError(
                f"{module.keys['alpha']} is 0.",
                "Some programs take that for no scaling, others for no effect; write α = r or "
                "leave the module out.",
            )
        return float(alpha.item()) / rank

    def option(self, key: str) -> Any:
        """Return None: there is no configuration."""
        return None

    def shapes(self) -> Mapping[str, tuple[int, int]]:
        """Return nothing: no family in these files needs shapes of the base."""
        return {}

    def _noted(self, name: str, rank: int) -> float:
        model, _, path = name.partition(".")
        alphas = self.notes.get(f"{model}.alpha_pattern")
        alpha = self.notes.get(f"{model}.lora_alpha", rank)
        if isinstance(alphas, dict):
            matching = (key for key in alphas if path == key or path.endswith(f".{key}"))
            alpha = alphas.get(next(matching, ""), alpha)
        if type(alpha) not in (int, float):
            raise UserError(
                f"The file's notes give {alpha!r} as the alpha of {name}, which is no number.",
                "Save it again.",
            )
        return float(alpha) / (rank**0.5 if self.notes.get(f"{model}.use_rslora") else rank)


def read_single_file(path: Path, base: ModelInfo | None) -> StoredAdapter:
    """Read the header of one file.

    Args:
        path: The safetensors file.
        base: Its base model, if it is at hand; kohya's names of modules can then be read exactly.

    Raises:
        UserError: It is damaged, or holds no adapter that is understood; the message names the key.
    """
    file = SafetensorsFile(path)
    known = {name.replace(".", "_"): name for name in base.matrix_shapes} if base else {}
    placed: list[tuple[Placed, str]] = []
    for key in file.tensors:
        module, part = _placed(file, key)
        placed.append(((_readable(module, known), part), key))
    if not placed:
        raise nothing_found(file, "adapter")
    modules = tuple(
        (StoredModule(name, parts, file), family_of(name, parts, _FAMILIES))
        for name, parts in grouped(placed).items()
    )
    families = sorted({name for name in _FAMILIES for _, f in modules if f is FAMILIES[name]})
    with_lengths = any("magnitude" in module for module, _ in modules)
    return StoredAdapter(
        file=file,
        modules=modules,
        description=FileDescription(_notes(file)),
        ignored=(),
        family="dora" if families == ["lora"] and with_lengths else "/".join(families),
        base_model=_base_model(file),
        notes=(_DORA_NOTE,) if with_lengths else (),
    )


def _placed(file: SafetensorsFile, key: str) -> Placed:
    if key.startswith("base_model.model."):
        raise UserError(
            f"{file.path.name} is a PEFT adapter without its adapter_config.json.",
            "Copy that file too: alpha and rank are in it alone.",
        )
    for pattern, part in _KEYS:
        if match := pattern.fullmatch(key):
            return match["module"], part
    raise UserError(
        f"{file.path.name} holds the unknown tensor {key}.",
        "The rank explorer reads LoRA, LoHa and LoKr; whole weights, norms and OFT it does not.",
    )


def _readable(module: str, known: Mapping[str, str]) -> str:
    """Return the module's name with dots.

    kohya writes _ for every dot: with the base model at hand the name is found again; without it,
    dots are put around the numbers, so that layers can be told apart.
    """
    match = _MANGLED.fullmatch(module)
    if match is None or "." in module:
        return module.replace(".processor.", ".")
    path = match["path"]
    if path in known:
        return known[path]
    dotted = _NUMBER.sub(r".\1.", path).replace("._", ".").rstrip(".")
    return f"{match['model']}.{dotted}" if match["model"] else dotted


def _notes(file: SafetensorsFile) -> Mapping[str, Any]:
    """Return Diffusers' notes; a file without them has none.

    Raises:
        UserError: They are damaged.
    """
    text = file.metadata.get(_NOTES, "{}")
    try:
        notes = json.loads(text)
    except (ValueError, RecursionError):
        notes = None
    if not isinstance(notes, dict):
        raise UserError(f"{_NOTES} in {file.path.name} is no table.", "Save it again.")
    return notes


def _base_model(file: SafetensorsFile) -> str:
    """Return what kohya's notes say of the base model."""
    return file.metadata.get("ss_base_model_version") or file.metadata.get("ss_sd_model_name", "")
