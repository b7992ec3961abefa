"""The weight manifest of a folder: one safetensors file, or shards with an index."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.models.families import FAMILIES
from core.models.info import Architecture, TensorSpec
from core.models.json_file import read_json
from core.models.safetensors_header import read_manifest

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_PICKLES = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt")
_BUFFER = re.compile(r"(inv_freq|masked_bias|position_ids)$")
_MASK = re.compile(r"(attn|attention)\.bias$")  # a causal mask where it has four dimensions
_HEADS = ("lm_head.weight", "embed_out.weight")
_BLOCK = re.compile(r"^(model|transformer)\.(language_model\.)?(layers|h|blocks)\.(?P<layer>\d+)\.")
_RENAMED = (  # as transformers 5 names the modules: GPT-NeoX's head, multimodal files
    ("embed_out.", "lm_head."),
    ("language_model.model.", "model.language_model."),
    ("language_model.lm_head.", "lm_head."),
    ("vision_tower.vision_model.", "model.vision_tower."),
    ("vision_tower.", "model.vision_tower."),
    ("multi_modal_projector.", "model.multi_modal_projector."),
)


def weight_files(folder: Path) -> tuple[Path, ...]:
    """Return the safetensors files of the model in `folder`; empty if it holds no weights.

    Raises:
        UserError: A shard is missing, or there are only pickled weights, which can run code.
    """
    if (folder / INDEX).is_file():
        return _shards(folder)
    if (folder / WEIGHTS).is_file():
        return (folder / WEIGHTS,)
    if any(file for pattern in _PICKLES for file in folder.glob(pattern)):
        raise UserError(
            f"{folder.name} holds its weights only in pickle files, which can run code.",
            "Choose a version of this model with safetensors files.",
        )
    return ()


def read_weights(files: Iterable[Path]) -> tuple[TensorSpec, ...]:
    """Return all tensors of `files`, as they are named there."""
    return tuple(spec for file in files for spec in read_manifest(file))


def as_loaded(tensors: Iterable[TensorSpec], architecture: Architecture) -> tuple[TensorSpec, ...]:
    """Return the parameters under the names that they have in the loaded model.

    Old files hold masks and tables that are no parameters, leave the prefix of the base model out,
    or write a tied head twice; DeepSeek's hold a block more, for speculation, that is not loaded.
    """
    kept = [spec for spec in tensors if not _is_buffer(spec)]
    if architecture.tied_embeddings and len(kept) > 1:
        kept = [spec for spec in kept if spec.name not in _HEADS]
    kept = [_with_name(spec, _renamed(spec.name)) for spec in kept]
    prefix = (FAMILIES[architecture.family].prefix if architecture.known else "model") + "."
    if not any(spec.name.startswith(prefix) for spec in kept):
        kept = [s if s.name in _HEADS else _with_name(s, prefix + s.name) for s in kept]
    return tuple(spec for spec in kept if not _is_beyond(spec, architecture.layers))


def _is_beyond(spec: TensorSpec, layers: int) -> bool:
    block = _BLOCK.match(spec.name)
    return block is not None and int(block["layer"]) >= layers


def _shards(folder: Path) -> tuple[Path, ...]:
    weight_map: Any = read_json(folder / INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise UserError(f"{INDEX} names no files.", "Download the model again.")
    names = sorted({str(name) for name in weight_map.values()})
    if any(Path(name).name != name for name in names):
        raise UserError(f"{INDEX} names files outside of its folder.", "Do not use this model.")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(names)} weight files are missing, first {missing[0]}.",
            "Download the model again; what is there already is kept.",
        )
    return tuple(folder / name for name in names)


def _is_buffer(spec: TensorSpec) -> bool:
    return bool(_BUFFER.search(spec.name) or (_MASK.search(spec.name) and len(spec.shape) == 4))


def _renamed(name: str) -> str:
    for old, new in _RENAMED:
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _with_name(spec: TensorSpec, name: str) -> TensorSpec:
    return spec if name == spec.name else TensorSpec(name, spec.shape, spec.dtype, spec.size_bytes)
