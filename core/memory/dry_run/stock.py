"""A training step as PEFT and the Trainer of transformers make it, or a program like them."""

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from core.adapters import ADAPTERS
from core.memory.dry_run.device import autocast
from core.memory.dry_run.fused import fuse_adapters, fuse_norms
from core.memory.dry_run.losses import fused_linear_loss, loss_function
from core.memory.dry_run.saved import keep_inputs, offloaded
from core.memory.stack import Stack
from core.settings import RunSettings
from core.training.blocks import blocks_of


def adapt(base: Any, settings: RunSettings, stack: Stack, names: list[str]) -> Any:
    """Return the model with PEFT's adapters on the modules called `names`; on meta."""
    from peft import get_peft_model

    config = ADAPTERS[settings.adapter.method].peft_config(settings.adapter, names)
    base.requires_grad_(False)
    return get_peft_model(base, config, autocast_adapter_dtype=not stack.adapter_follows)


def widen(model: nn.Module, stack: Stack) -> None:
    """Make frozen numbers outside of the quantized matrices fp32, as k-bit preparation does."""
    for name, module in model.named_modules():
        wanted = stack.upcast == "all" or "norm" in name.rpartition(".")[2].lower()
        if "lora_" in name or not wanted or stack.upcast == "none":
            continue
        for parameter in module.parameters(recurse=False):
            if parameter.is_floating_point() and type(parameter) is nn.Parameter:
                parameter.data = parameter.data.float()


def prepare(model: Any, stack: Stack, *, checkpointed: bool, trained_inputs: bool) -> None:
    """Let a moved model compute as the program does.

    Args:
        model: The base model, with or without adapters.
        stack: The program.
        checkpointed: Every block computes its activations again.
        trained_inputs: The embeddings are trained, so that a gradient reaches them anyway.
    """
    if stack.fused_norms:
        fuse_norms(model)
    if stack.fused_adapters:
        fuse_adapters(model)
    if stack.keeps_inputs:
        keep_inputs(model)
    if not checkpointed:
        return
    if not trained_inputs:
        model.enable_input_require_grads()
    again = offloaded if stack.offloads else partial(checkpoint, use_reentrant=stack.reentrant)
    for block in blocks_of(model):
        block._gradient_checkpointing_func = again  # type: ignore[assignment]
        block.gradient_checkpointing = True  # type: ignore[assignment]


class StockStep:
    """Forward passes over one micro-batch of rows of equal length.

    Args:
        model: The model with its adapters, or the base model itself; moved and prepared.
        stack: The program.
        shape: Rows of the micro-batch and tokens of each.
        device: Where it runs.
        dtype: Number type of products.
    """

    def __init__(
        self, model: Any, stack: Stack, shape: tuple[int, int], device: str, dtype: torch.dtype
    ) -> None:
        self._model = model
        self._base = getattr(model, "get_base_model", lambda: model)()
        self._stack = stack
        self._dtype = dtype if stack.autocast else None
        ids = torch.empty(shape, dtype=torch.long, device=device)
        mask = torch.empty_like(ids) if stack.masked and shape[0] > 1 else None
        self._rows = {"input_ids": ids, "attention_mask": mask}
        self._labels = torch.empty_like(ids)
        if stack.loss.kind != "linear":
            self._base.loss_function = loss_function(stack.loss)
        if not stack.loss.keeps_narrow:
            head = self._base.get_output_embeddings()
            head.register_forward_hook(lambda module, args, logits: logits.float())

    @property
    def inputs(self) -> dict[str, Any]:
        """The micro-batch by name."""
        return {**self._rows, "labels": self._labels}

    def forward(self) -> tuple[torch.Tensor | None, Any]:
        """Return the loss, and the output where the program holds it."""
        with autocast(self._dtype):
            return self._forward()

    def _forward(self) -> tuple[torch.Tensor, Any]:
        if self._stack.loss.kind == "linear":
            hidden = self._base.get_decoder()(**self._rows, use_cache=False).last_hidden_state
            head = self._base.get_output_embeddings().weight
            return fused_linear_loss(hidden, head, self._labels), None
        output = self._model(**self.inputs, use_cache=False)
        return output.loss, output if self._stack.loss.held else None
