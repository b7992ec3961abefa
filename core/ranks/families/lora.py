"""LoRA (arXiv:2106.09685), rsLoRA (2312.03732) and the directional part of DoRA (2402.09353)."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from core.ranks.families.base import FAMILIES, Change, Description, StoredModule
from core.ranks.metrics import Array
from core.ranks.update import Update


@FAMILIES.register("lora")
class Lora:
    """ΔW = s·B·A."""

    title: ClassVar[str] = "LoRA"
    own: ClassVar[frozenset[str]] = frozenset(
        {"lora_A", "lora_B", "lora_mid", "lora_embedding_A", "lora_embedding_B"}
    )
    also: ClassVar[frozenset[str]] = frozenset({"magnitude", "alpha"})

    @staticmethod
    def changes(module: StoredModule, description: Description) -> Iterator[Change]:
        """Yield ΔW of the module."""
        if "lora_embedding_A" in module or "lora_embedding_B" in module:
            # The embedding's weight is (tokens, width), the transpose of the product.
            module.require("lora_embedding_A", "lora_embedding_B")
            parts = ("lora_embedding_B", "lora_embedding_A")
            a, b = module.matrix(parts[0]).T, module.matrix(parts[1]).T
            width = b.shape[1]
        else:
            module.require("lora_A", "lora_B")
            parts = ("lora_B", "lora_A")
            b, a = module.flat(parts[0]), _inputs(module)
            width = a.shape[0]
        if a.shape[0] != b.shape[1] or _has_kernel(module, parts[0]):
            raise module.misfit(*parts)
        scaling = description.scaling(module, width)
        yield Update(module.name, b, a, scaling, "lora_embedding_A" in module, _window(module))


def _inputs(module: StoredModule) -> Array:
    """Return A as (r, in), of a convolution (r, in·k·k)."""
    down = module.flat("lora_A")
    if "lora_mid" not in module:
        return down
    core = module.tensor("lora_mid")  # Tucker form, (r, r, k, k)
    rank = down.shape[0]
    if core.ndim < 3 or core.shape[:2] != (rank, rank) or _has_kernel(module, "lora_A"):
        raise module.misfit("lora_mid", "lora_A")
    kernels: Array = np.einsum("ij...,jc->ic...", core, down)
    return kernels.reshape(rank, -1)


def _window(module: StoredModule) -> tuple[int, ...]:
    """Return the height and width of a convolution, () of a module without."""
    part = next((part for part in ("lora_mid", "lora_A") if part in module), "")
    return module.file.tensors[module.keys[part]].shape[2:] if part else ()


def _has_kernel(module: StoredModule, part: str) -> bool:
    """Tell whether a factor that mixes channels alone spans several pixels."""
    shape = module.file.tensors[module.keys[part]].shape
    return any(size != 1 for size in shape[2:])
