"""Attention of the stock programs, as transformers calls it by a name."""

from typing import Any, cast

import torch
from torch import nn

from core.memory.dry_run.kernels import fused_attention
from core.memory.stack import Stack

FUSED, REPEATED, SDPA = "rankscope_fused", "rankscope_repeated", "rankscope_sdpa"


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
        kind, config = query.device.type, cast(Any, module.config)
        narrow = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else config.dtype
        query, key, value = (x.to(narrow) for x in (query, key, value))
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
