"""What runs, and on which numbers: a model, its settings and the program that trains it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import torch

from core.memory.dry_run.attention import attention_name
from core.memory.dry_run.ours import largest_batch
from core.memory.methods import Method
from core.memory.stack import Stack
from core.memory.workload import Known
from core.models.info import ModelInfo
from core.settings import RunSettings
from core.training.attention import NAME, register
from core.training.micro_batch import MicroBatch

TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}

Way = Literal["flash", "rows", "padded"]
"""How rows are attended to: packed by one kernel, packed one by one, or padded."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What runs: see `core.memory.dry_run.trace.dry_run`."""

    config: Any
    info: ModelInfo
    settings: RunSettings
    method: Method
    stack: Stack
    known: Known
    way: Way = "padded"

    def ways(self) -> Iterator["Program"]:
        """Yield it with the ways to attend, the fastest first, as our engine tries them."""
        eager = "eager" in (self.known.attention, self.settings.model.attention)
        if self.stack.ours and self.settings.training.packing and not eager:
            if not self.known.on_cpu and self.attention_dtype != torch.float32:
                yield replace(self, way="flash")
            yield replace(self, way="rows")
        yield replace(self, way="padded")

    @property
    def device(self) -> str:
        """What torch calls the kind of the device."""
        return "cpu" if self.known.on_cpu else "cuda"

    @property
    def full(self) -> bool:
        """Every weight is trained."""
        return self.method.name == "full"

    @property
    def dtype(self) -> torch.dtype:
        """Number type of weights and products; on a processor the larger where a probe decides."""
        return self._type(self.settings.model.dtype)

    @property
    def attention_dtype(self) -> torch.dtype:
        """Number type of attention over packed rows."""
        wanted = self.settings.model.attention_dtype
        return self.dtype if wanted == "auto" and not self.known.on_cpu else self._type(wanted)

    def _type(self, name: str) -> torch.dtype:
        auto = "fp32" if self.known.on_cpu else "bf16"
        return TYPES[auto if name == "auto" else name]

    @cached_property
    def attention(self) -> str:
        """What transformers calls the attention."""
        if self.packed:
            register()
            return NAME
        wanted = self.known.attention or self.settings.model.attention
        if self.stack.ours and wanted == "flash":
            wanted = "sdpa"
        return attention_name(self.config, wanted, self.stack)

    @property
    def length(self) -> int:
        """Tokens of the longest row."""
        limit = self.settings.data.max_length
        return min(self.known.longest or limit, limit)

    @property
    def packed(self) -> bool:
        """Our rows lie end to end."""
        return self.way != "padded"

    def batch(self) -> MicroBatch:
        """Return our micro-batch, with content; not to be made under fake tensors."""
        return largest_batch(
            self.settings, self.length, self.known.trained_share, packed=self.packed
        )
