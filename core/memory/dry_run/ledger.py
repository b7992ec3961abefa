"""Counts the bytes of the tensors that are alive while operators run on tensors without content.

Every new storage is added when an operator returns it and subtracted when it dies, rounded up as
the allocator of the device does. A step is cut into stretches (a block forward, a block backward),
of which the ledger keeps what they add for a moment and what they leave behind.
"""

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

Amounts = dict[str, int]
"""Bytes by part of the plan."""

GRAIN = {"cuda": 512, "cpu": 64}  # bytes that the allocator rounds up to
UNPACKING = "bitsandbytes::dequantize"  # operators that make a weight for the time of a product


@dataclass(frozen=True)
class Stretch:
    """A stretch of a step.

    Attributes:
        top: Alive at its largest moment, beyond what was alive when it began.
        net: The same at its end.
        freed: What it freed of other stretches, by their names.
        operator: What was running at the largest moment.
    """

    top: Mapping[str, int]
    net: Mapping[str, int]
    freed: Mapping[str, Mapping[str, int]]
    operator: str


class Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The bytes alive on one device, by part.

    Args:
        device: "cuda" or "cpu"; tensors elsewhere do not count.
        vocabulary: Tensors whose last dimension is that long are logits; 0: there are none.
        stand_ins: What to run instead of an operator, by its name.
        hidden_bytes: What the kernel of an operator allocates inside itself, from its name and
            arguments.
    """

    def __init__(
        self,
        device: str,
        vocabulary: int = 0,
        stand_ins: Mapping[str, Callable[..., Any]] | None = None,
        hidden_bytes: Callable[..., int] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stretches: dict[str, Stretch] = {}
        self._device = device
        self._vocabulary = vocabulary
        self._stand_ins = stand_ins or {}
        self._hidden_bytes = hidden_bytes or (lambda *_: 0)
        self._filed: dict[int, tuple[int, str, str]] = {}  # size, part, stretch
        self._live: Amounts = {}
        self._total = 0
        self._begin("")

    @property
    def live(self) -> Amounts:
        """What is alive now."""
        return dict(self._live)

    def file(self, tensors: Iterable[torch.Tensor | None], part: str, *, new: bool = False) -> None:
        """Count these tensors under `part`; known ones move there, unless `new` ones are meant."""
        for tensor in tensors:
            if tensor is None or tensor.device.type != self._device:
                continue
            if self._is_new(tensor):
                self._add(tensor, part)
            elif not new:
                self._move(tensor, part)

    def begin(self, name: str) -> None:
        """End the stretch that runs and begin another."""
        self.stretches[self._name] = Stretch(
            top=minus(self._top, self._start),
            net=minus(self._live, self._start),
            freed=self._freed,
            operator=self._operator,
        )
        self._begin(name)

    def _begin(self, name: str) -> None:
        self._name, self._operator = name, ""
        self._freed: dict[str, Amounts] = {}
        self._start, self._top, self._most = self.live, self.live, self._total

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name()
        kwargs = kwargs or {}
        result = self._stand_ins.get(name, func)(*args, **kwargs)
        for value in tree_iter(result):
            if isinstance(value, torch.Tensor) and self._is_new(value):
                self._add(value, self._part(name, value))
                self._look(name)
        hidden = self._hidden_bytes(name, args, kwargs)
        if hidden:
            self._live["workspace"] = self._live.get("workspace", 0) + hidden
            self._total += hidden
            self._look(name)
            self._live["workspace"] -= hidden
            self._total -= hidden
        return result

    def _is_new(self, tensor: torch.Tensor) -> bool:
        here = tensor.device.type == self._device
        return here and tensor.untyped_storage()._cdata not in self._filed

    def _part(self, name: str, tensor: torch.Tensor) -> str:
        if tensor.dim() > 1 and tensor.shape[-1] == self._vocabulary:
            return "logits"
        return "workspace" if name.startswith(UNPACKING) else "activations"

    def _add(self, tensor: torch.Tensor, part: str) -> None:
        storage = tensor.untyped_storage()
        grain = GRAIN[self._device]
        size = -(-storage.nbytes() // grain) * grain
        self._filed[storage._cdata] = size, part, self._name
        self._live[part] = self._live.get(part, 0) + size
        self._total += size
        weakref.finalize(storage, self._forget, storage._cdata)

    def _move(self, tensor: torch.Tensor, part: str) -> None:
        key = tensor.untyped_storage()._cdata
        size, old, stretch = self._filed[key]
        self._filed[key] = size, part, stretch
        self._live[old] -= size
        self._live[part] = self._live.get(part, 0) + size

    def _forget(self, key: int) -> None:
        size, part, stretch = self._filed.pop(key)
        self._live[part] -= size
        self._total -= size
        if stretch != self._name:
            freed = self._freed.setdefault(stretch, {})
            freed[part] = freed.get(part, 0) + size

    def _look(self, operator: str) -> None:
        if self._total > self._most:
            self._most, self._top, self._operator = self._total, self.live, operator


def plus(*amounts: Mapping[str, int]) -> Amounts:
    """Return the sum by part."""
    total: Amounts = {}
    for each in amounts:
        for part, size in each.items():
            total[part] = total.get(part, 0) + size
    return total


def minus(left: Mapping[str, int], right: Mapping[str, int]) -> Amounts:
    """Return the difference by part, without zeros."""
    parts = {part: left.get(part, 0) - right.get(part, 0) for part in {*left, *right}}
    return {part: size for part, size in parts.items() if size}
