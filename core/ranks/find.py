"""Where the files of an adapter are: in a PEFT folder, in a run, or one file by itself."""

from pathlib import Path

from core.errors import UserError
from core.ranks.peft_format import CONFIG_FILE, WEIGHTS_FILE
from core.run_folder import RunFolder

_SUFFIX = ".safetensors"
_DIFFUSERS_FILE = "pytorch_lora_weights.safetensors"
_ADAPTERS = "Choose a folder that PEFT's save_pretrained wrote, a run, or a safetensors file."
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def find_weights(path: Path) -> Path:
    """Return the safetensors file of the adapter that `path` means.

    Args:
        path: A folder of PEFT or Diffusers, a run folder, or a safetensors file.

    Raises:
        UserError: There is none, or only a pickle file.
    """
    if path.suffix == _SUFFIX and path.is_file():
        return path
    if (path / _DIFFUSERS_FILE).is_file() and not (path / CONFIG_FILE).is_file():
        return path / _DIFFUSERS_FILE
    return find_adapter(path) / WEIGHTS_FILE


def find_adapter(path: Path) -> Path:
    """Return the PEFT folder: `path`, its adapter/, or a run's best checkpoint.

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


def _not_found(path: Path) -> UserError:
    if not path.exists():
        return UserError(f"{path} does not exist.", "Check the path.")
    if path.is_dir() and (path / "run.toml").is_file():
        return UserError(
            f"The run {path.name} has no adapter yet.", "It is written at the first checkpoint."
        )
    pickled = path.suffix in _PICKLES or any(path.glob("adapter_model.bin"))
    if pickled or any(path.glob("pytorch_lora_weights.bin")):
        return UserError(
            "This adapter is stored as a pickle file, which can run code when it is read.",
            "Where you trust its origin, load it and save it as safetensors: PEFT's and Diffusers' "
            "save functions do so by themselves; for kohya's, safetensors.torch.save_file.",
        )
    if path.is_file():
        return UserError(f"{path} is a file, but not of safetensors.", _ADAPTERS)
    missing = CONFIG_FILE if not (path / CONFIG_FILE).is_file() else WEIGHTS_FILE
    return UserError(
        f"{path} is no adapter folder: it has no {missing}.",
        _ADAPTERS,
    )
