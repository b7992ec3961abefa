"""Bytes of the logits and the loss: the part that most estimators forget."""

from core.memory.workload import Workload

FP32 = 4  # bytes
CHUNK_BYTES = 32 * 2**20
"""Of logits in fp32 that `core.training.loss` holds at once. More buys no speed: the product is
large enough, and on a processor less leaves the caches."""
_FEWEST_TOKENS = 16


def chunk_tokens(vocabulary: int) -> int:
    """Return how many tokens get their logits at once: 170 at 49,152 tokens of vocabulary."""
    return max(_FEWEST_TOKENS, CHUNK_BYTES // (FP32 * vocabulary))


def loss_bytes(workload: Workload) -> float:
    """Return the peak of the loss: up to 12·T·V, and 4·T·h for the fp32 copy of the last norm.

    Our loss (`core.training.loss`) takes the logits of all T tokens in the compute type, e·T·V, and
    picks the share p of trained ones. One of three moments is the largest:

    - the log-softmax, beside the logits its input and its output in fp32: (e + 8·p)·T·V;
    - its backward, when the logits are gone, its output and two gradients in fp32: 12·p·T·V;
    - the way back to all tokens, two gradients of all and one of the trained: (2 + p)·e·T·V.

    Known before the rows are read is p ≤ 1 only, so plans take p = 1: 12 B per logit in 16 and in
    32 bits. (transformers' own loss holds the logits as well: 14 and 16.) The fake-tensor trace of
    our loss gives the same.
    """
    shape, share, element = workload.architecture, workload.trained_share, workload.element
    per_logit = max(element + 2 * FP32 * share, 3 * FP32 * share, (2 + share) * element)
    return workload.tokens * (per_logit * shape.vocab_size + FP32 * shape.hidden_size)
