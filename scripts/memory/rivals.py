"""What other estimators say of the same rows (bytes; None where they cannot tell).

Only fitcheck means what we mean, the allocator's peak of PEFT on plain transformers. The others
answer coarser questions, and people use them for this one all the same.
"""

from collections.abc import Callable

from accelerate.commands.estimate import estimate_training_usage
from fitcheck import ModelConfig, TrainingConfig, estimate
from fitcheck.gpu_db import GpuSpec

from core.memory.table.prediction import card_of
from core.memory.table.rows import Row
from core.memory.table.shapes import architecture, model_of, targets_of
from core.models.info import ModelInfo

MIB = 2**20
FACTORS = {("full", "none"): 18.0, ("lora", "none"): 2.0, ("qlora", "nf4"): 0.5}


def fitcheck(row: Row) -> float | None:
    """Return the tensors of fitcheck-llm; it knows no full fine-tuning, no GPTQ and no 70B card."""
    info = model_of(row, untied=False)
    if row.text("method") == "full" or row.has("quant", "gptq", "int8"):
        return None
    shape, card = architecture(row), card_of(row)
    config = ModelConfig(
        name=row.text("model"),
        num_params=info.parameters,
        hidden_size=shape.hidden_size,
        num_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_kv_heads=shape.kv_heads,
        intermediate_size=shape.intermediate_size,
        vocab_size=shape.vocab_size,
        head_dim=shape.head_dim,
        tie_word_embeddings=shape.tied_embeddings,
    )
    training = TrainingConfig(
        precision="bf16" if row.has("dtype_weights", "bf") else "fp16",
        quantization="nf4" if row.has("quant", "nf4") else "none",
        double_quant=row.has("quant", "double"),
        batch_size=row.number("micro_batch"),
        seq_len=row.number("seq_len"),
        lora_rank=row.number("rank"),
        lora_targets=list(targets_of(row, info)),
        grad_checkpoint=row.has("grad_checkpointing", "yes"),
        flash_attn=not row.has("attention_impl", "eager"),
    )
    size = card.free_bytes // MIB if card else 81_920
    report = estimate(config, training, GpuSpec("card", size, size))
    return float(report.total_mib - report.overhead_mib) * MIB


def accelerate(row: Row) -> float | None:
    """Return the "training using Adam" of `accelerate estimate-memory` in fp32."""
    usage = estimate_training_usage(4 * _parameters(row), "float32")
    return float(max(usage.values()))


def deepspeed(row: Row) -> float | None:
    """Return DeepSpeed's ZeRO-2 estimate for one GPU: 4 B of parameters and gradients, 16 of Adam.

    `estimate_zero2_model_states_mem_needs`, without offload.
    """
    return 20 * _parameters(row)


def factors(row: Row) -> float | None:
    """Return the rule of LLaMA-Factory's README: 18, 2 and 0.5 GB per billion parameters."""
    quant = "nf4" if row.has("quant", "nf4", "gptq-int4") else row.text("quant")
    factor = FACTORS.get((row.text("method"), quant))
    return None if factor is None else factor * _parameters(row)


def _parameters(row: Row) -> int:
    info: ModelInfo = model_of(row, untied=False)
    return info.parameters


RIVALS: dict[str, Callable[[Row], float | None]] = {
    "fitcheck 0.3.1": fitcheck,
    "weights × factor (LLaMA-Factory)": factors,
    "accelerate estimate-memory": accelerate,
    "DeepSpeed ZeRO-2, one GPU": deepspeed,
}
