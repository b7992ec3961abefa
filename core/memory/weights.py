"""Bytes of the frozen model.

Our engine loads 8-bit and 4-bit models with bitsandbytes and leaves embeddings, head, norms and
biases in the compute type: it does not call PEFT's `prepare_model_for_kbit_training`, which would
turn them into fp32.
"""

from core.memory.workload import FP32, Workload

BLOCK = 64  # 4-bit weights that share one scale (bitsandbytes' blocksize)
NESTED_BLOCK = 256  # 8-bit scales that share one fp32 scale with double quantization


def four_bit_bytes(weights: float, *, double_quant: bool) -> float:
    """Return the bytes of NF4 weights and their scales.

    Half a byte per weight; per block of 64 one scale of 4 B, or with double quantization of 1 B
    plus 4 B per 256 of them (Dettmers et al., arXiv:2305.14314, section 3): 0.5625 or 0.51587 B.
    """
    scale = 1 + 4 / NESTED_BLOCK if double_quant else 4
    return weights * (0.5 + scale / BLOCK)


def gptq_bytes(weights: float, group: int) -> float:
    """Return the bytes of 4-bit GPTQ weights: per group a scale in 16 bits and a zero in 4.

    Without groups every column has one scale, which is next to nothing.
    """
    return weights * (0.5 + (2.5 / group if group else 0.0))


def eight_bit_bytes(weights: float, outputs: float) -> float:
    """Return the bytes of LLM.int8 weights: one each, and one fp32 scale per output row.

    Source: `SCB` in bitsandbytes' `Int8Params`.
    """
    return weights + 4 * outputs


def matrix_bytes(workload: Workload) -> float:
    """Return the bytes of all matrices of the blocks."""
    method, model = workload.method, workload.model
    weights = model.matrix_parameters
    if method.bits == 4 and workload.stack.gptq_group is not None:
        return gptq_bytes(weights, workload.stack.gptq_group)
    if method.bits == 4:
        return four_bit_bytes(weights, double_quant=method.double_quant)
    if method.bits == 8:
        return eight_bit_bytes(weights, model.outputs)
    return workload.weight_element * weights


def weight_bytes(workload: Workload) -> float:
    """Return the bytes of the model: the matrices of the blocks and everything else."""
    return matrix_bytes(workload) + _other_bytes(workload)


def _other_bytes(workload: Workload) -> int:
    """Return the bytes of embeddings, head, norms and biases; k-bit preparation makes some fp32."""
    model, element = workload.model, workload.weight_element
    upcast = workload.stack.upcast if workload.method.bits < 16 else "none"
    if upcast == "all":
        return FP32 * model.other_parameters
    shape = model.architecture
    norms = (shape.norms * shape.layers + 1) * shape.hidden_size
    wide = norms if upcast == "norms" else 0
    return element * model.other_parameters + (FP32 - element) * wide
