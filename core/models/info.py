"""What is known of a base model before a single weight is loaded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import NamedTuple

from core.models.dimensions import Architecture as Architecture

_LAYER = re.compile(r"(?:^|\.)(\d+)\.(?=.)")
_EXPERT = re.compile(r"\.\d+\.")
_TOWER = re.compile(r"(^|\.)(vision|visual|image|audio|speech)")
# Not a torch.nn.Linear of the text model once loaded: experts and routers are parameters of their
# own modules in transformers 5, which PEFT's `target_modules` and bitsandbytes pass by; a norm of
# each head (Cohere) is a matrix too; and blk. is a GGUF name that nobody could translate.
_NO_TARGET = re.compile(
    r"\.experts\.|\.(mlp|block_sparse_moe|feed_forward|ffn)\.gate$|\.router\b|norm$|^blk\."
)
_TAKEN_FOR_EXPERTS = (".gate_proj", ".up_proj", ".down_proj")
_ATTENTION = ("q_proj", "k_proj", "v_proj", "qkv_proj", "c_attn", "query_key_value", "o_proj")
_MLP = ("gate_proj", "up_proj", "gate_up_proj", "c_fc", "down_proj")
_USUAL_ORDER = (*_ATTENTION, "out_proj", *_MLP)


class TensorSpec(NamedTuple):
    """One tensor of the weight manifest.

    Attributes:
        name: Name in the Hugging Face layout, such as model.layers.0.mlp.up_proj.weight.
        shape: Shape in the layout of the file (for a linear layer: out × in).
        dtype: Name as in safetensors ("BF16", "F16", "F32") or GGUF ("Q8_0", …).
        size_bytes: Bytes in the file.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    size_bytes: int

    @property
    def parameters(self) -> int:
        """Number of elements."""
        return prod(self.shape)


class LinearModule(NamedTuple):
    """A matrix that an adapter can target: W of shape (out, in).

    Attributes:
        name: Full module name, as in model.layers.3.self_attn.q_proj.
        layer: Index of the transformer block.
        kind: Name inside the block, as in self_attn.q_proj; experts share one kind.
        shape: (out_features, in_features), whatever the file's own layout.
    """

    name: str
    layer: int
    kind: str
    shape: tuple[int, int]

    @property
    def label(self) -> str:
        """Last part of the kind: q_proj."""
        return self.kind.rsplit(".", 1)[-1]


@dataclass(frozen=True)
class ModuleGrid:
    """The adaptable matrices of a model as a grid: one row per kind, one column per layer."""

    modules: tuple[LinearModule, ...]

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Rows, in the order of the first block that has them."""
        return tuple(dict.fromkeys(module.kind for module in self.modules))

    @cached_property
    def layers(self) -> tuple[int, ...]:
        """Columns."""
        return tuple(sorted({module.layer for module in self.modules}))

    @cached_property
    def cells(self) -> Mapping[tuple[str, int], tuple[LinearModule, ...]]:
        """The modules of each (kind, layer); several where a block has experts."""
        cells: dict[tuple[str, int], tuple[LinearModule, ...]] = {}
        for module in self.modules:
            key = (module.kind, module.layer)
            cells[key] = (*cells.get(key, ()), module)
        return cells

    @cached_property
    def by_name(self) -> Mapping[str, LinearModule]:
        """Modules by full name."""
        return {module.name: module for module in self.modules}


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """A base model as the window, the planner and the checks see it.

    Attributes:
        source: The value of `model.source` that leads here.
        name: Name for people.
        path: Folder or GGUF file on this computer; empty for a hub id that is not downloaded.
        kind: "starter", "folder", "gguf" or "hub".
        tensors: The weight manifest; empty where only config.json is there.
        transposed: Linear weights are stored (in, out), as in GPT-2's Conv1D.
        read_ms: Milliseconds it took to read the headers.
    """

    source: str
    name: str
    path: str
    kind: str
    architecture: Architecture
    tensors: tuple[TensorSpec, ...]
    dtype: str
    licence: str = ""
    disk_bytes: int = 0
    has_chat_template: bool = False
    transposed: bool = False
    read_ms: float = 0.0
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def parameters(self) -> int:
        """Number of parameters, a tied head counted once."""
        return sum(tensor.parameters for tensor in self.tensors)

    @cached_property
    def expert_parameters(self) -> int:
        """How many of them belong to experts."""
        return sum(tensor.parameters for tensor in self.tensors if ".experts." in tensor.name)

    @cached_property
    def grid(self) -> ModuleGrid:
        """The matrices inside numbered blocks: no embeddings, no norms, no head."""
        modules, _ = self._matrices
        places = {kind: flow(kind) for kind in {module.kind for module in modules}}
        modules = sorted(modules, key=lambda module: (module.layer, places[module.kind]))
        return ModuleGrid(tuple(modules))

    @cached_property
    def matrix_shapes(self) -> Mapping[str, tuple[int, int]]:
        """(out, in) of every matrix by module name; of an embedding (tokens, width)."""
        shapes = {
            tensor.name.removesuffix(".weight"): (tensor.shape[0], tensor.shape[1])
            for tensor in self.tensors
            if len(tensor.shape) == 2
        }
        linear = (*self.grid.modules, *self.fixed_matrices)
        return shapes | {module.name: module.shape for module in linear}

    @cached_property
    def fixed_matrices(self) -> tuple[LinearModule, ...]:
        """The matrices that no adapter reaches, but which are quantized like the others.

        Those of towers; and in some mixtures of experts those of the plain MLPs and the shared
        expert: PEFT takes their names for those of fused experts, and would adapt all of these.
        """
        return tuple(self._matrices[1])

    @cached_property
    def _matrices(self) -> tuple[list[LinearModule], list[LinearModule]]:
        """The linear modules of blocks: those that an adapter reaches, and the others."""
        kinds: dict[tuple[str, str], tuple[str, bool] | None] = {}  # by name, less the block's
        made: tuple[list[LinearModule], list[LinearModule]] = ([], [])
        for tensor in self.tensors:
            match = _LAYER.search(tensor.name) if len(tensor.shape) == 2 else None
            if match is None:
                continue
            key = tensor.name[: match.start()], tensor.name[match.end() :]
            if key not in kinds:
                kinds[key] = self._kind(tensor)
            found = kinds[key]
            if found is not None:
                kind, is_fixed = found
                rows, columns = tensor.shape
                shape = (columns, rows) if self.transposed else (rows, columns)
                name = tensor.name.removesuffix(".weight")
                made[is_fixed].append(LinearModule(name, int(match[1]), kind, shape))
        return made

    def _kind(self, tensor: TensorSpec) -> tuple[str, bool] | None:
        """Return the kind of a linear module and whether it is fixed; None for other tensors."""
        name = tensor.name.removesuffix(".weight")
        place = locate(name)
        if name == tensor.name or place is None or _NO_TARGET.search(name):
            return None
        if min(tensor.shape) == 1:  # a gate of one expert, or a norm that some files keep as a row
            return None
        taken = not self.architecture.mlp_adaptable and name.endswith(_TAKEN_FOR_EXPERTS)
        return place[1], taken or is_tower(name)


def flow(kind: str) -> tuple[bool, int]:
    """Return the place of a kind in its block as data flows: attention, then MLP.

    Files list tensors by name, which would put down_proj first and q_proj near the end.
    """
    label = kind.rsplit(".", 1)[-1]
    known = label in _USUAL_ORDER
    return "att" not in kind, _USUAL_ORDER.index(label) if known else len(_USUAL_ORDER)


@dataclass(frozen=True)
class BrokenModel:
    """A model that was found but cannot be used; `message` says why, `hint` what to do."""

    source: str
    name: str
    message: str
    hint: str = ""


def is_tower(name: str) -> bool:
    """Tell whether a tensor belongs to what sees or hears."""
    return bool(_TOWER.search(name))


def locate(name: str) -> tuple[int, str] | None:
    """Return layer and kind of a module name: (3, "mlp.up_proj"), or None outside the blocks."""
    match = _LAYER.search(name)
    return (int(match[1]), _EXPERT.sub(".", name[match.end() :])) if match else None
