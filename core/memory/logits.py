"""Bytes of the logits and the loss: the part that most estimators forget."""

from core.memory.whole_logits import whole_loss_bytes
from core.memory.workload import FP32, Workload

CHUNK_BYTES = 32 * 2**20
"""Of logits in fp32 that `core.training.loss` holds at once on a processor: more buys no speed, and
is new memory every time."""
GPU_CHUNK_BYTES = 256 * 2**20
"""The same on a GPU, which reads the whole matrix for every chunk: 500 tokens at 128k words."""
_FEWEST_TOKENS = 16


def chunk_tokens(vocabulary: int, *, on_cpu: bool) -> int:
    """Return how many tokens get their logits at once, such as 170 at 49,152 words on a CPU."""
    room = CHUNK_BYTES if on_cpu else GPU_CHUNK_BYTES
    return max(_FEWEST_TOKENS, room // (FP32 * vocabulary))


def loss_bytes(workload: Workload) -> float:
    """Return the peak of the loss beyond what the decoder keeps.

    N trained tokens are picked of T: their hidden states and the gradient of these, 2·e·N·h, beside
    the logits of one chunk of C tokens: 8 B for the logits and their log-softmax in fp32, which
    becomes their gradient, and e for the logits, then the gradient, in the compute type; with a cap
    16 B.
    """
    if not workload.stack.ours:
        return whole_loss_bytes(workload)
    shape, element = workload.architecture, workload.element
    picked = workload.trained_share * workload.tokens
    chunk = chunk_tokens(shape.vocab_size, on_cpu=workload.on_cpu)
    narrow = element if element < FP32 else 0
    # A cap is differentiated with two more fp32 numbers, before the compute type's are made.
    per_logit = 4 * FP32 if shape.logit_cap else narrow + 2 * FP32
    chosen = 2 * element * picked * shape.hidden_size
    choosing = element * (picked + workload.tokens) * shape.hidden_size
    return max(chosen + per_logit * min(picked, chunk) * shape.vocab_size, choosing)
