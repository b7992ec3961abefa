"""What a training step of the real engine holds, traced without computing or allocating it.

Under `FakeTensorMode` every operator is dispatched with shapes and lifetimes of the real step. Each
new storage is added up until it is freed, so the sums are exact where nothing else is held outside
of torch's tensors (not seen: what kernels allocate inside themselves).
"""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedConfig

from core.data.encode import Example
from core.models.info import Architecture, ModelInfo
from core.settings import RunSettings
from core.training.attention import NAME, register
from core.training.head import Head
from core.training.micro_batch import Layout, MicroBatch
from core.training.passage import Passage, evaluating
from core.training.trainee import attach_adapter

TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


@dataclass(frozen=True)
class Trace:
    """Bytes of a step beyond weights and adapter.

    Attributes:
        kept: Held when the decoder is through: what backward will need, and its output.
        peak: The most that is held at once, the gradients of the adapter left out.
    """

    kept: int
    peak: int


class _Ledger(TorchDispatchMode):
    """Bytes of the storages alive that operators made, and their peak."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known: set[int] = set()

    def know(self, tensor: torch.Tensor) -> None:
        self._known.add(tensor.untyped_storage()._cdata)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_iter(result):
            if isinstance(value, torch.Tensor):
                self._add(value)
        return result

    def _add(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


def trace(
    info: ModelInfo,
    settings: RunSettings,
    lengths: Sequence[int],
    *,
    prompt: int = 0,
    training: bool = True,
    config: PreTrainedConfig | None = None,
) -> Trace:
    """Return what a step over rows of these lengths holds; all types must be named, not auto.

    Args:
        info: The model.
        settings: The run.
        lengths: Tokens of each row.
        prompt: How many of a row's tokens are not trained.
        training: Forward and backward; else the forward pass of an evaluation.
        config: What transformers builds it from; None: it is a Llama.

    Attention runs where the rows of a processor go: one call per row where they are packed.
    """
    register()
    packed = settings.training.packing and settings.model.attention != "eager"
    model = _model(info, settings, config or _config(info.architecture))
    name = NAME if packed else settings.model.attention
    model.get_base_model().set_attn_implementation(name)
    attention = TYPES[settings.model.attention_dtype] if packed else None
    rows = [
        Example(ids=(1,) * length, trained=(False,) * prompt + (True,) * (length - prompt), row=0)
        for length in lengths
    ]
    batch = Layout.of(rows, len(rows), 0, packed=packed).tensors(rows)
    with FakeTensorMode(allow_non_fake_inputs=True):
        _fake(model)
        head = Head.of(model.get_base_model())
        return _step(Passage(model, name, head, attention), _fake_batch(batch), training)


def _step(passage: Passage, batch: MicroBatch, training: bool) -> Trace:
    parameters = list(passage.model.parameters())
    ledger = _Ledger()
    kept = 0

    def note(*_: Any) -> None:
        nonlocal kept
        kept = ledger.live

    decoder = passage.model.get_base_model().get_decoder()
    for tensor in (*parameters, *passage.model.buffers(), *vars(batch).values()):
        if isinstance(tensor, torch.Tensor):
            ledger.know(tensor)
    for parameter in parameters:
        if parameter.requires_grad:  # there from the second micro-batch on
            parameter.grad = torch.zeros_like(parameter)
            ledger.know(parameter.grad)
    with decoder.register_forward_hook(note), ledger:
        if training:
            passage.loss(batch).objective.backward()
        else:
            with evaluating(passage.model):
                passage.loss(batch)
    return Trace(kept, ledger.peak)


def _model(info: ModelInfo, settings: RunSettings, config: PreTrainedConfig) -> Any:
    with torch.device("meta"):
        base = AutoModelForCausalLM.from_config(config, dtype=TYPES[settings.model.dtype])
        return attach_adapter(base, settings, info)


def _config(shape: Architecture) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=shape.vocab_size,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        tie_word_embeddings=shape.tied_embeddings,
        max_position_embeddings=shape.context_length,
    )


def _fake(model: Any) -> None:
    """Replace the tensors of a model on the meta device by fake ones on the CPU."""
    made: dict[int, torch.nn.Parameter] = {}
    for module in model.modules():
        for name, old in module._parameters.items():
            if old is not None and id(old) not in made:
                new = torch.empty(old.shape, dtype=old.dtype)
                made[id(old)] = torch.nn.Parameter(new, requires_grad=old.requires_grad)
            module._parameters[name] = old if old is None else made[id(old)]
        for name, old in module._buffers.items():
            if old is not None:
                module._buffers[name] = torch.empty(old.shape, dtype=old.dtype)


def _fake_batch(batch: MicroBatch) -> MicroBatch:
    def fake(tensor: torch.Tensor | None) -> Any:
        return None if tensor is None else torch.empty(tensor.shape, dtype=tensor.dtype)

    fields = ("ids", "positions", "mask", "predictors", "targets")
    return replace(batch, **{name: fake(getattr(batch, name)) for name in fields})
