"""Reading the spectra of an adapter folder in PEFT's format: no torch, no model, no GPU."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import UserError
from core.models.info import ModelInfo
from core.ranks.adapter_config import AdapterConfig, read_config
from core.ranks.metrics import Array
from core.ranks.safetensors_file import SafetensorsFile
from core.ranks.spectra import (
    AdapterInfo,
    AdapterSpectra,
    ModuleSpectrum,
    in_order,
    module_spectrum,
    plain_name,
)
from core.ranks.update import Update
from core.run_folder import RunFolder

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"

_KEY = re.compile(
    r"^(?P<module>.+)\.lora_(?P<embedding>embedding_)?(?P<side>[AB])"
    r"(?:\.(?!weight$|bias$)(?P<adapter>[^.]+))?(?:\.weight)?$"
)
_DORA_NOTE = (
    "DoRA: these are the spectra of the directional part s·B·A. The learned row lengths change W "
    "as well, and that change has full rank."
)


@dataclass
class _Pair:
    """The keys of one module's A and B in the file."""

    embedding: bool = False
    a: str = ""
    b: str = ""


class AdapterFiles:
    """A PEFT folder whose headers are checked and whose matrices are read module by module.

    Iterating yields one `ModuleSpectrum` after the other, and `updates` the factors themselves, so
    that only one pair of matrices is in memory and a window can stay alive in between; `total`
    tells how many there will be.

    Attributes:
        folder: Where they lie.
        file: The one with the matrices.
        others: Keys in it that belong to no A and B.

    Raises:
        UserError: There is no adapter, or its files are damaged or of another kind.
    """

    def __init__(self, path: Path) -> None:
        self.folder = find_adapter(Path(path))
        self._config = read_config(self.folder / CONFIG_FILE)
        self.file = SafetensorsFile(self.folder / WEIGHTS_FILE)
        self._pairs, self.others = _pairs(self.file)
        self.total = len(self._pairs)

    def __iter__(self) -> Iterator[ModuleSpectrum]:
        return map(module_spectrum, self.updates())

    def updates(self) -> Iterator[Update]:
        """Yield ΔW of every module, one after the other."""
        return _updates(self.file, self._pairs, self._config)

    @property
    def info(self) -> AdapterInfo:
        """What is known beside the matrices, without notes about them."""
        return _info(self.folder, self._config, self.file, [])

    def spectra(self, modules: list[ModuleSpectrum]) -> AdapterSpectra:
        """Return the whole, from all modules that iterating gave."""
        notes = _notes(self._config, modules, self.others)
        return in_order(modules, _info(self.folder, self._config, self.file, notes))


def adapter_spectra(path: Path) -> AdapterSpectra:
    """Return the spectra of a PEFT folder, or of the adapter in a run folder.

    Raises:
        UserError: There is no adapter, or its files are damaged or of another kind.
    """
    files = AdapterFiles(path)
    return files.spectra(list(files))


def find_adapter(path: Path) -> Path:
    """Return the folder with the adapter: `path`, its adapter/, or a run's best checkpoint.

    Raises:
        UserError: There is none, or only a pickle file.
    """
    candidates = [path.parent] if path.name == WEIGHTS_FILE else [path, path / "adapter"]
    run = RunFolder(path)
    if run.settings_file.is_file():
        state = run.state()
        for name in (state.best, state.last):
            if name:
                checkpoint = run.checkpoints_dir / name
                candidates += [checkpoint / "adapter", checkpoint]
    for folder in candidates:
        if (folder / CONFIG_FILE).is_file() and (folder / WEIGHTS_FILE).is_file():
            return folder
    raise _not_found(path)


def check_base(adapter: AdapterSpectra, model: ModelInfo) -> int:
    """Return how many modules of the adapter were compared with the model: all, or none.

    None can be compared where only the model's config.json is at hand.

    Raises:
        UserError: A module has no counterpart of the same shape in the model.
    """
    shapes = {t.name.removesuffix(".weight"): sorted(t.shape) for t in model.tensors}
    if not shapes:
        return 0
    strangers = [m for m in adapter.modules if shapes.get(m.name) != sorted(m.shape)]
    total = len(adapter.modules)
    if strangers:
        made_for = adapter.adapter.base_name or "another model"
        first = strangers[0]
        raise UserError(
            f"{total - len(strangers)} of {total} modules match: "
            f"this adapter was made for {made_for}, not for {model.name}.",
            f"The first that does not: {first.name}, {first.shape[0]} × {first.shape[1]}. "
            "Choose the model that the adapter was trained on.",
        )
    return total


def _not_found(path: Path) -> UserError:
    if not path.exists():
        return UserError(f"{path} does not exist.", "Check the path.")
    if path.is_dir() and (path / "run.toml").is_file():
        return UserError(
            f"The run {path.name} has no adapter yet.", "It is written at the first checkpoint."
        )
    if any(path.glob("adapter_model.bin")) or path.suffix in (".bin", ".pt", ".pth", ".ckpt"):
        return UserError(
            "This adapter is stored as a pickle file, which can run code when it is read.",
            "Save it as safetensors (PEFT: save_pretrained) where you trust its origin.",
        )
    missing = CONFIG_FILE if not (path / CONFIG_FILE).is_file() else WEIGHTS_FILE
    return UserError(
        f"{path} is no adapter folder: it has no {missing}.",
        "Choose a folder that PEFT's save_pretrained wrote, or a run.",
    )


def _pairs(file: SafetensorsFile) -> tuple[dict[str, _Pair], list[str]]:
    """Return the pairs by module name, and the keys that belong to none.

    Raises:
        UserError: There is no pair, one has a side only, or the file holds several adapters.
    """
    pairs: dict[str, _Pair] = {}
    others, adapters = [], set()
    for key in file.tensors:
        match = _KEY.match(key)
        if match is None:
            others.append(key)
            continue
        pair = pairs.setdefault(match["module"], _Pair(bool(match["embedding"])))
        setattr(pair, match["side"].lower(), key)
        adapters.add(match["adapter"])
    if len(adapters) > 1:
        raise UserError(
            f"{file.path.name} holds {len(adapters)} adapters.",
            "Save them to folders of their own.",
        )
    if not pairs:
        example = f" (its first tensor is {others[0]})" if others else ""
        raise UserError(
            f"{file.path.name} holds no lora_A and lora_B{example}.",
            "The rank explorer reads LoRA adapters in PEFT's format.",
        )
    for module, pair in pairs.items():
        if not (pair.a and pair.b):
            there, missing = ("lora_A", "lora_B") if pair.a else ("lora_B", "lora_A")
            raise UserError(
                f"{module} has {there} but no {missing}.", "The file is incomplete; save it again."
            )
    return pairs, others


def _updates(
    file: SafetensorsFile, pairs: dict[str, _Pair], config: AdapterConfig
) -> Iterator[Update]:
    for module, pair in pairs.items():
        name = plain_name(module)
        b, a = _matrix(file, pair.b, pair), _matrix(file, pair.a, pair)
        rank = config.rank_of(name)
        if not a.shape[0] == b.shape[1] == rank:
            raise UserError(
                f"{pair.a} is {_by(a)} and {pair.b} is {_by(b)}, "
                f"but adapter_config.json says rank {rank}.",
                "The two files do not belong together.",
            )
        if pair.embedding:  # ΔW is the transpose of the product
            b, a = a.T, b.T
        window = file.tensors[pair.a].shape[2:]
        yield Update(name, b, a, config.scaling_of(name), pair.embedding, window)


def _matrix(file: SafetensorsFile, key: str, pair: _Pair) -> Array:
    """Return the factor as a matrix; a convolution's A is flattened to (r, in·k·k)."""
    shape = file.tensors[key].shape
    is_a = key == pair.a
    if len(shape) < 2 or 0 in shape or (not is_a and int(np.prod(shape[2:])) != 1):
        raise UserError(f"{key} has the shape {shape}, which is no matrix.", "Save it again.")
    return file.read(key).reshape(shape[0], -1)


def _by(matrix: Array) -> str:
    return f"{matrix.shape[0]} × {matrix.shape[1]}"


def _notes(config: AdapterConfig, modules: list[ModuleSpectrum], others: list[str]) -> list[str]:
    notes = []
    if config.family == "dora":
        notes.append(_DORA_NOTE)
    if config.start:
        notes.append(
            f"Initialised with {config.start}, which changed the base model: s·B·A is the change "
            "against that changed base, not what training learned."
        )
    if not any(module.trained for module in modules):
        notes.append("Untrained: B is zero in every module, so the adapter changes nothing yet.")
    ignored = [key for key in others if "lora_magnitude_vector" not in key]
    if ignored:
        count = f"{len(ignored)} further tensor{'s' if len(ignored) > 1 else ''}"
        notes.append(f"Left out: {count} that belong to no lora_A and lora_B ({ignored[0]}).")
    return notes


def _display_name(folder: Path) -> str:
    """Return a name for people: the run's, where the folder is only called "adapter"."""
    return folder.parent.name if folder.name == "adapter" else folder.name


def _info(
    folder: Path, config: AdapterConfig, file: SafetensorsFile, notes: list[str]
) -> AdapterInfo:
    stored = [t for key, t in file.tensors.items() if _KEY.match(key)]
    return AdapterInfo(
        name=_display_name(folder.resolve()),
        path=str(folder),
        family=config.family,
        base_model=config.base_model,
        rank=config.rank,
        alpha=config.alpha,
        dtype="/".join(sorted({tensor.dtype for tensor in stored})),
        parameters=sum(int(np.prod(tensor.shape)) for tensor in stored),
        size_bytes=file.size_bytes,
        notes=tuple(notes),
    )
