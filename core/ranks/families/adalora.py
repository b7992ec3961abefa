"""AdaLoRA (arXiv:2303.10512): ΔW in the form of a singular value decomposition."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from core.ranks.families.base import FAMILIES, Change, Description, StoredModule
from core.ranks.update import Update


@FAMILIES.register("adalora")
class AdaLora:
    """ΔW = B·diag(E)·A·α/(r₀ + 1e-5), where r₀ is the rank that training began with.

    The scaling is PEFT's (`adalora/layer.py`): α itself takes the place of α/r.
    """

    title: ClassVar[str] = "AdaLoRA"
    own: ClassVar[frozenset[str]] = frozenset({"lora_A", "lora_B", "lora_E"})
    also: ClassVar[frozenset[str]] = frozenset()

    @staticmethod
    def changes(module: StoredModule, description: Description) -> Iterator[Change]:
        """Yield ΔW of the module; one that was pruned away keeps a direction of size zero."""
        module.require("lora_A", "lora_B", "lora_E")
        shapes = [module.file.tensors[module.keys[part]].shape for part in ("lora_B", "lora_A")]
        if [len(shape) for shape in shapes] == [2, 2] and shapes[0][1] == shapes[1][0] == 0:
            b, a = np.zeros((shapes[0][0], 1)), np.zeros((1, shapes[1][1]))
            yield Update(module.name, b, a, description.scaling(module, 0))
            return
        b, a, e = module.matrix("lora_B"), module.matrix("lora_A"), module.matrix("lora_E")
        if b.shape[1] != a.shape[0] or e.shape != (a.shape[0], 1):
            raise module.misfit("lora_B", "lora_E", "lora_A")
        yield Update(module.name, b * e.T, a, description.scaling(module, a.shape[0]))
