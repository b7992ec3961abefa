"""A training step as PEFT and the Trainer of transformers make it, or a program like them."""

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from core.adapters import ADAPTERS
from core.memory.dry_run.device import autocast
from core.memory.dry_run.fused import fuse_adapters, fuse_norms
from core.memory.dry_run.kernels import fused_attention
from core.memory.dry_run.losses import fused_linear_loss, loss_function
from core.memory.dry_run.saved import keep_inputs, offloaded
from core.memory.stack import Stack
from core.settings import RunSettings
from core.training.blocks import blocks_of

FUSED, REPEATED, SDPA = "rankscope_fused", "rankscope_repeated", "rankscope_sdpa"


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
    again = (
        offloaded
        if stack.offloads
        else partial(checkpoint, use_reentrant=stack.reentrant, preserve_rng_state=False)
    )
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
        self.inputs = {"input_ids": ids, "labels": torch.empty_like(ids), "attention_mask": mask}
        if stack.loss.kind != "linear":
            self._base.loss_function = loss_function(stack.loss)
        if not stack.loss.keeps_narrow:
            head = self._base.get_output_embeddings()
            head.register_forward_hook(lambda module, args, logits: logits.float())

    def forward(self) -> tuple[torch.Tensor | None, Any]:
        """Return the loss, and the output where the program holds it."""
        with autocast(self._dtype):
            return self._forward()

    def _forward(self) -> tuple[torch.Tensor, Any]:
        if self._stack.loss.kind == "linear":
            inputs = {name: value for name, value in self.inputs.items() if name != "labels"}
            hidden = self._base.get_decoder()(**inputs, use_cache=False).last_hidden_state
            head = self._base.get_output_embeddings().weight
            return fused_linear_loss(hidden, head, self.inputs["labels"]), None
        output = self._model(**self.inputs, use_cache=False)
        return output.loss, output if self._stack.loss.held else None


def attention_name(config: Any, attention: str, stack: Stack) -> str:
    """Return what transformers calls the attention; soft-capped scores have no sdpa."""
    capped = getattr(config.get_text_config(), "attn_logit_softcapping", None)
    if attention == "eager" or (capped and attention == "sdpa"):
        return "eager"
    _register()
    if attention == "sdpa":
        return SDPA
    return REPEATED if stack.repeats_keys else FUSED


def _register() -> None:
    """Make both attentions known, with the masks that real tensors would get.

    With fake ones transformers cannot tell that nothing is padded, and makes a mask always.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register(FUSED, _flash)
    ALL_ATTENTION_FUNCTIONS.register(REPEATED, _flash_repeated)
    ALL_ATTENTION_FUNCTIONS.register(SDPA, sdpa_attention_forward)
    ALL_MASK_ATTENTION_FUNCTIONS.register(FUSED, _padding)
    ALL_MASK_ATTENTION_FUNCTIONS.register(REPEATED, _padding)
    ALL_MASK_ATTENTION_FUNCTIONS.register(SDPA, _mask_where_needed)


def _padding(*_: Any, attention_mask: torch.Tensor | None = None, **__: Any) -> Any:
    return None if attention_mask is None or len(attention_mask) == 1 else attention_mask


def _mask_where_needed(
    *args: Any,
    kv_length: int,
    attention_mask: torch.Tensor | None = None,
    local_size: int | None = None,
    **others: Any,
) -> torch.Tensor | None:
    from transformers.masking_utils import sdpa_mask

    attention_mask = _padding(attention_mask=attention_mask)
    if attention_mask is None and (local_size is None or kv_length < local_size):
        return None
    mask: torch.Tensor = sdpa_mask(
        *args, kv_length=kv_length, attention_mask=attention_mask, local_size=local_size, **others
    )
    return mask


def _flash(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attend as flash-attn does: in 16 bits, and over copies without padding where there is some.

    Source: `flash_attention_forward` of transformers; tensors are (b, heads, s, head size).
    """
    if query.dtype == torch.float32:
        kind = query.device.type
        autocast = torch.is_autocast_enabled(kind)
        dtype = torch.get_autocast_dtype(kind) if autocast else module.config.dtype
        query, key, value = (x.to(dtype) for x in (query, key, value))
    missing = query.shape[-1] - value.shape[-1]
    if missing:
        value = nn.functional.pad(value, (0, missing))
    if attention_mask is not None:
        query, key, value = (x.clone() for x in (query, key, value))
    attended = fused_attention(query, key, value).transpose(1, 2)
    if attention_mask is not None:
        attended = attended.clone()
    return attended[..., : attended.shape[-1] - missing], None


def _flash_repeated(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    times = query.shape[1] // key.shape[1]
    key, value = (x.repeat_interleave(times, dim=1) if times > 1 else x for x in (key, value))
    return _flash(module, query, key, value, attention_mask)
