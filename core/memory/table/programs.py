"""What the software of a row does with memory, told from the words of its cells.

Sources: the code of transformers 4.32 to 5, PEFT, bitsandbytes, litgpt, torchtune and Liger at the
versions that the rows name.
"""

import re

from core.memory.stack import Loss, LossKind, Stack, Upcast
from core.memory.table.rows import Row

_TRANSFORMERS = re.compile(r"transformers ~?(\d+)\.(\d+)")
_UPCASTS_IN_MODEL = (4, 46)
"""Before it the models turned the logits into fp32 themselves, and nothing held the narrow ones."""
_SHIFTS = (4, 51)
"""Before it the loss copied the logits to shift them; since then it shifts the labels."""

_NOT_REENTRANT = (5, 0)
"""Before it the Trainer checkpointed blocks in torch's reentrant way."""
_SHARES_KEYS = (4, 48)
"""Before it Mistral repeated keys and values for the flash kernel."""


def stack_of(row: Row) -> Stack:
    """Return what the row's program does."""
    quantized = row.text("quant") not in ("", "none")
    return Stack(
        name=row.text("group") or row.text("source"),
        loss=_loss(row),
        autocast=_autocasts(row),
        upcast=_upcast(row) if quantized else "none",
        adapter_follows=keeps_one_type(row),
        fused_norms=_is_fms(row) and row.has("loss_impl", "liger", "triton"),
        fused_step=row.has("optimizer", "fused", "8bit", "8_bit"),
        masked=row.has("seq_kind", "padded", "variable", "truncated"),
        keeps_inputs=_keeps_inputs(row),
        offloads=row.has("grad_checkpointing", "offload", "unsloth"),
        steps_in_backward=row.has("optimizer", "in-bwd"),
        reentrant=_version(row) < _NOT_REENTRANT,
        repeats_keys=row.has("model_type", "mistral") and _version(row) < _SHARES_KEYS,
        fused_adapters=quantized and _is_fms(row) and row.has("loss_impl", "liger", "triton"),
        gptq_group=_gptq_group(row),
    )


def keeps_one_type(row: Row) -> bool:
    """Tell whether adapters have the type of the weights: litgpt in bf16-true, and torchtune."""
    return row.has("dtype_compute", "true") or row.has("source", "torchtune")


def has_own_head(row: Row) -> bool:
    """Tell whether the program keeps an output head of its own where the model ties it: litgpt."""
    return row.has("source", "litgpt")


def _is_fms(row: Row) -> bool:
    """Tell whether it is a run of fms-acceleration; its fast kernels fuse both norms and loss."""
    return row.has("source", "fms-acceleration")


def _loss(row: Row) -> Loss:
    number = _version(row)
    # The Trainer and torchtune let go of the output before backward.
    return Loss(
        kind=_loss_kind(row),
        keeps_narrow=number >= _UPCASTS_IN_MODEL,
        shifts=number < _SHIFTS,
        held=not (row.has("software", "accelerate", "trl") or row.has("source", "torchtune")),
    )


def _version(row: Row) -> tuple[int, int]:
    """Return the release of transformers that a row names; without one it is a recent one."""
    version = _TRANSFORMERS.search(row.text("software"))
    return (int(version[1]), int(version[2])) if version else (5, 0)


def _loss_kind(row: Row) -> LossKind:
    if row.has("loss_impl", "linear", "cut cross", "unsloth chunked"):
        return "linear"
    if row.has("loss_impl", "chunkedoutput"):
        return "chunks"
    if row.has("loss_impl", "litgpt"):
        return "kept-chunks"
    return "fused" if row.text("loss_impl").lower().startswith("fused") else "torch"


def _autocasts(row: Row) -> bool:
    """Tell whether products run under autocast; the Trainer turns it on with bf16 or fp16.

    Where norms alone are fp32 something must cast: a 16-bit head takes no fp32 hidden states.
    """
    compute = row.text("dtype_compute").lower()
    if _upcast(row) == "norms":
        return True
    if "no autocast" in compute or keeps_one_type(row):
        return False
    return "autocast" in compute or compute in ("bf16", "fp16")


def _upcast(row: Row) -> Upcast:
    """Tell what k-bit preparation made fp32; PEFT skips it for GPTQ."""
    if keeps_one_type(row) or row.has("quant", "gptq"):
        return "none"
    if _is_fms(row):  # accelerated runs, which name c_attn or fuse kernels, leave norms as they are
        accelerated = row.has("target_modules", "c_attn") or not row.has("loss_impl", "unfused")
        return "none" if accelerated else "norms"
    return "all"


def _gptq_group(row: Row) -> int | None:
    """Return GPTQ's group; the usual files of models beyond 60 B have none, to need less memory."""
    if not row.has("quant", "gptq"):
        return None
    return 0 if float(row.text("params_b") or 0) > 60 else 128


def _keeps_inputs(row: Row) -> bool:
    """Tell whether 4-bit products keep their inputs: bitsandbytes did until July 2024 (0.43.2).

    litgpt pinned older ones until the end of that year.
    """
    if has_own_head(row):
        return row.has("software", "2023", "2024", "0.41", "0.42")
    version = re.search(r"(?:bnb|bitsandbytes) (\d+)\.(\d+)\.?(\d*)", row.text("software"))
    if version is None:
        return False
    return (int(version[1]), int(version[2]), int(version[3] or 0)) < (0, 43, 2)
