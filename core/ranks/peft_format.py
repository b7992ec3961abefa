"""Adapters that PEFT saved: adapter_config.json beside adapter_model.safetensors."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.models.info import ModelInfo
from core.models.sources import open_model
from core.ranks.adapter_config import AdapterConfig, read_config
from core.ranks.families import FAMILIES, Family, StoredModule
from core.ranks.safetensors_file import SafetensorsFile
from core.ranks.spectra import plain_name
from core.ranks.stored import Placed, StoredAdapter, family_of, grouped, nothing_found

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"

_STORED_AS = {"lora_magnitude_vector": "magnitude"}
_OWN_PARTS = sorted({part for name in FAMILIES for part in FAMILIES[name].own} - {"lora_mid"})
_KEY = re.compile(
    rf"(?P<module>.+)\.(?P<part>{'|'.join([*_OWN_PARTS, *_STORED_AS])})"
    r"(?:\.(?!weight$|bias$)(?P<adapter>[^.]+))?(?:\.weight)?"
)
_SHARED = re.compile(r"base_model\.(?P<part>vera_[AB])(?:\.(?P<adapter>[^.]+))?")
_MARK = re.compile(r"(^|[._])(lora|hada|lokr|vera|ia3|oft|boft|hra|c3a|miss|randlora)_")
_BIAS = re.compile(r"\.lora_[AB](\.[^.]+)?\.bias$")
_NESTED = ".base_layer"
_LONGEST_KEY = 300  # patterns are matched against names, in a time that grows with their length
# In this order models register the parameters of their experts, and PEFT wraps them.
_EXPERT_ORDER = ("gate_up_proj", "gate_up_proj_bias", "down_proj", "down_proj_bias")

_DORA_NOTE = (
    "DoRA: these are the spectra of the directional part s·B·A. The learned row lengths change W "
    "as well, and that change has full rank."
)
_DRAWN_NOTE = (
    "VeRA: the shared matrices are not in the file; they were drawn again from the seed in "
    "adapter_config.json, as PEFT draws them on a CPU."
)


@dataclass(frozen=True)
class PeftDescription:
    """The configuration as families ask for it."""

    config: AdapterConfig
    modules: tuple[str, ...]
    base: ModelInfo | None

    def rank(self, name: str) -> int:
        """Return r of one module."""
        return self.config.rank_of(name)

    def scaling(self, module: StoredModule, rank: int) -> float:
        """Return s of a module.

        Raises:
            UserError: Its matrices have another rank than the configuration says.
        """
        wanted = self.config.rank_of(module.name)
        whole = self.config.family == "lokr" and rank == 0
        if rank != wanted and not whole:
            part, key = next(iter(module.keys.items()))
            raise UserError(
                f"{part} of {module.name} has rank {rank} (shape "
                f"{module.file.tensors[key].shape}), but adapter_config.json says rank {wanted}.",
                "The two files do not belong together.",
            )
        return self.config.scaling_of(module.name)

    def option(self, key: str) -> Any:
        """Return an entry of the configuration, or None."""
        return self.config.content.get(key)

    def shapes(self) -> Mapping[str, tuple[int, int]]:
        """Return (out, in) of all adapted modules in the base model.

        Raises:
            UserError: The base model is not at hand, or is another one.
        """
        return self._shapes

    @cached_property
    def _shapes(self) -> Mapping[str, tuple[int, int]]:
        base = self.base or _own_base(self.config)
        shapes = base.matrix_shapes
        strangers = [name for name in self.modules if name not in shapes]
        if strangers:
            raise UserError(
                f"{base.name} has no matrix called {strangers[0]}.",
                "Choose the model that the adapter was trained on.",
            )
        return {name: shapes[name] for name in self.modules}


def read_peft(folder: Path, base: ModelInfo | None) -> StoredAdapter:
    """Read the headers of a PEFT folder.

    Args:
        folder: Where both files are.
        base: Its base model, if it is at hand; only VeRA needs it.

    Raises:
        UserError: A file is missing, damaged, or of another kind; the message names the key.
    """
    config = read_config(folder / CONFIG_FILE)
    file = SafetensorsFile(folder / WEIGHTS_FILE)
    placed, shared, ignored = _sorted_keys(file)
    if shared and config.family != "vera":
        raise _unknown(file, next(iter(shared.values())))
    modules = tuple(_modules(file, grouped(placed), shared, config))
    if not modules:
        raise nothing_found(file, "lora_A and lora_B" if not config.parameters else "adapter")
    names = tuple(module.name for module, _ in modules)
    notes = [_DORA_NOTE] if config.family == "dora" else []
    if config.family == "vera" and not shared:
        notes.append(_DRAWN_NOTE)
    return StoredAdapter(
        file=file,
        modules=modules,
        description=PeftDescription(config, names, base),
        ignored=tuple(ignored),
        family=config.family,
        base_model=config.base_model,
        rank=config.rank,
        alpha=config.alpha,
        start=config.start,
        notes=tuple(notes),
    )


def _sorted_keys(
    file: SafetensorsFile,
) -> tuple[list[tuple[Placed, str]], dict[str, str], list[str]]:
    """Return the keys of modules, those that all modules share, and those of whole layers.

    Raises:
        UserError: The file holds several adapters, or a key that looks like one and is none.
    """
    placed: list[tuple[Placed, str]] = []
    shared: dict[str, str] = {}
    ignored, adapters = [], set()
    for key in file.tensors:
        if len(key) > _LONGEST_KEY:
            raise UserError(f"{key[:80]}… is too long for a name.", "Save the adapter again.")
        if match := _SHARED.fullmatch(key):
            shared[match["part"]] = key
        elif match := _KEY.fullmatch(key):
            part = _STORED_AS.get(match["part"], match["part"])
            placed.append(((match["module"], part), key))
            adapters.add(match["adapter"])
        elif _MARK.search(key) and not _BIAS.search(key):
            raise _unknown(file, key)
        else:
            ignored.append(key)
    if len(adapters) > 1:
        raise UserError(
            f"{file.path.name} holds {len(adapters)} adapters.",
            "Save them to folders of their own.",
        )
    return placed, shared, ignored


def _unknown(file: SafetensorsFile, key: str) -> UserError:
    return UserError(
        f"{file.path.name} holds the unknown tensor {key}.",
        "It looks like a part of an adapter, so that leaving it out could be wrong.",
    )


def _modules(
    file: SafetensorsFile,
    groups: dict[str, dict[str, str]],
    shared: dict[str, str],
    config: AdapterConfig,
) -> Iterator[tuple[StoredModule, type[Family]]]:
    for path, parts in groups.items():
        name, is_parameter = _name(path, groups, config)
        family = config.family if config.family in FAMILIES else "lora"
        chosen = family_of(name, parts, ["experts" if is_parameter else family])
        if chosen is FAMILIES["lora"] and ("magnitude" in parts) != (config.family == "dora"):
            there, says = ("a", "no") if "magnitude" in parts else ("no", "a")
            raise UserError(
                f"{name} has {there} lora_magnitude_vector, but adapter_config.json wants {says} "
                f"one (use_dora = {config.content.get('use_dora', False)}).",
                "The two files do not belong together.",
            )
        yield StoredModule(name, {**parts, **shared}, file), chosen


def _name(path: str, groups: Mapping[str, Any], config: AdapterConfig) -> tuple[str, bool]:
    """Return the name in the base model, and whether it is a bare parameter (`experts`).

    PEFT wraps one parameter around the other: the last one has the plain path, the one before it
    .base_layer, and so on. Which is which follows from the order in the model, which is known for
    usual names alone; others keep their path.
    """
    plain = plain_name(path)
    module = plain.replace(_NESTED, "")
    targets = [name for name in config.parameters if f".{module}".endswith(_owner(name))]
    if not targets:
        return plain, False
    names = sorted({name.rpartition(".")[2] for name in targets}, key=_place)
    depth = path.count(_NESTED)
    known = len(names) == 1 or all(name in _EXPERT_ORDER for name in names)
    levels = sum(1 for other in groups if other.replace(_NESTED, "") == path.replace(_NESTED, ""))
    if not known or levels != len(names) or depth >= len(names):
        return plain, True
    return f"{module}.{names[len(names) - 1 - depth]}", True


def _owner(parameter: str) -> str:
    return "." + parameter.rpartition(".")[0]


def _place(parameter: str) -> tuple[int, str]:
    known = parameter in _EXPERT_ORDER
    return _EXPERT_ORDER.index(parameter) if known else len(_EXPERT_ORDER), parameter


def _own_base(config: AdapterConfig) -> ModelInfo:
    """Return the base model that the configuration names, if it is on this computer."""
    hint = "Name its base model: rankscope ranks ADAPTER --base MODEL."
    try:
        return open_model(config.base_model)
    except UserError as error:
        raise UserError(
            f"A VeRA adapter does not tell the shapes of its matrices, and its base model "
            f"{config.base_model or '(no name)'} is not at hand: {error.message}",
            hint,
        ) from None
