"""Bytes of the loss in programs that make all T·V logits at once, or nearly.

Sources: `ForCausalLMLoss` of transformers 4.46 to 5 and the models' own forward before, the
fused kernel of Unsloth, `fused_linear_cross_entropy_forward` of Liger, `CEWithChunkedOutputLoss` of
torchtune and `chunked_cross_entropy` of litgpt.
"""

from math import ceil, log2

from core.memory.norms import one_kernel
from core.memory.workload import FP32, Workload

_CHUNKS = 8  # of torchtune's loss


def whole_loss_bytes(workload: Workload) -> float:
    """Return the peak of the loss beyond what the blocks keep; the -100 of prompts spare nothing.

    The last norm keeps an fp32 copy of its input, 4·T·h, or where it is one kernel the input as it
    is. Its output, T·h numbers, is there in forward.
    """
    hidden = workload.tokens * workload.architecture.hidden_size
    norm = hidden * (workload.residual_element if one_kernel(workload) else FP32)
    output = hidden * workload.residual_element
    if workload.stack.loss.kind == "linear":
        return norm + output + _fused_linear_bytes(workload)
    logits = workload.tokens * workload.architecture.vocab_size
    forward, backward = _per_logit(workload)
    return norm + max(output + forward * logits, backward * logits)


def held_logit_bytes(workload: Workload) -> float:
    """Return the logits that the caller of the model holds while blocks are differentiated."""
    loss = workload.stack.loss
    if not loss.held or loss.kind in ("picked", "linear"):
        return 0.0
    return float(workload.logit_element * workload.tokens * workload.architecture.vocab_size)


def _per_logit(workload: Workload) -> tuple[float, float]:
    """Return the bytes per logit at the peaks of forward and of backward.

    torch: in forward the logits, their fp32 copy, that copy shifted, and its log-softmax; in
    backward the log-softmax, its gradient and that of the logits, and the logits where they are
    held. Of capped logits (Gemma 2) the tanh is kept. A fused kernel writes the gradient over the
    logits. Chunks of torchtune are made fp32 one at a time, and their gradients are whole only
    where the head is trained; litgpt's stay.
    """
    loss, element = workload.stack.loss, workload.logit_element
    capped = element if workload.architecture.logit_cap else 0
    narrow = element if element < FP32 and loss.keeps_narrow else 0
    copies = narrow + FP32 * (1 + loss.shifts)
    if loss.kind == "torch":
        held = element if loss.held else 0
        return capped + copies + FP32, capped + held + 3 * FP32
    if loss.kind == "chunks":
        return element + (element if workload.full else FP32 / _CHUNKS), 0
    return (2 * FP32 if loss.kind == "kept-chunks" else copies), 0


def _fused_linear_bytes(workload: Workload) -> float:
    """Return what a fused head and loss need: the gradient of all hidden states, and a chunk.

    Chunks have so many tokens that their logits are about as large as the hidden states, in the
    compute type and once more in fp32.
    """
    shape, tokens, element = workload.architecture, workload.tokens, workload.element
    parts = ceil(shape.vocab_size / shape.hidden_size)
    chunk = int(2 ** ceil(log2(max(1, ceil(tokens / parts)))))
    return element * tokens * shape.hidden_size + (element + FP32) * chunk * shape.vocab_size
