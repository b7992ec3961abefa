"""Bytes of attention: what it keeps for backward, and what its backward pass adds.

b rows of s tokens, T in all; per token a query width q = heads × head size and a key width k; e
bytes per number of the compute type, a inside attention. Checked against a fake-tensor trace: equal
to 0.1 %.
"""

from core.memory.workload import FP32, Workload

_CAPPED_SCORE = 10
"""Bytes per score: two in fp32, one in the compute type."""


def query_width(workload: Workload) -> int:
    """Return q, the numbers of a token's queries."""
    return workload.architecture.heads * workload.architecture.head_dim


def output_width(workload: Workload) -> int:
    """Return the numbers of a token's output of attention: latent heads have narrower values."""
    shape = workload.architecture
    return shape.heads * (shape.value_dim or shape.head_dim)


def key_width(workload: Workload) -> int:
    """Return the numbers of a token's keys as attention sees them.

    The kernels share them among grouped queries. transformers repeats them to q where there is a
    mask (`use_gqa_in_sdpa`); of a single head the repetition is a view. Our engine repeats them on
    a GPU where it attends to packed rows one by one.
    """
    shape = workload.architecture
    repeats = (
        workload.attention == "eager"
        or _row_by_row_on_gpu(workload)
        or (workload.attention == "sdpa" and workload.padded and shape.kv_heads > 1)
    )
    return (shape.heads if repeats else shape.kv_heads) * shape.head_dim


def attention_bytes(workload: Workload) -> int:
    """Return bytes per token of attention without its scores.

    A kernel keeps q, k and v and its output, a·(2·q + 2·k), and its log-sum-exp, 4 B per head.
    Eager keeps q and the repeated k and v, 3·e·q, but not its output. Norms of queries and keys
    keep an fp32 copy of both and a statistic per head.
    """
    shape = workload.architecture
    kept = _latent_bytes(workload) if shape.key_rank else _head_bytes(workload)
    if shape.query_norms:
        heads = shape.heads + shape.kv_heads
        kept += FP32 * heads * (shape.head_dim + 1)
    return kept


def _head_bytes(workload: Workload) -> int:
    """Return it for heads; where one matrix makes q, k and v, a view of one keeps all of them.

    Without rotation attention reads views of all three, so that q, k and v are there once.
    """
    shape, kept = workload.architecture, _separate_bytes(workload)
    viewed = workload.attention != "eager" and workload.attention_element == workload.element
    if not viewed or not workload.model.fused_attention or _in_one_call(workload):
        return kept
    own = shape.kv_heads * shape.head_dim
    repeated = key_width(workload) != own
    if shape.positions == "rotary":
        return kept if repeated else kept + workload.element * (query_width(workload) + own)
    return kept + 2 * workload.element * own if repeated else kept


def _separate_bytes(workload: Workload) -> int:
    query, key = query_width(workload), key_width(workload)
    if workload.attention == "eager":
        return workload.element * (query + 2 * key)
    if _written_out_on_cpu(workload):
        return 3 * FP32 * query
    return workload.attention_element * (2 * query + 2 * key) + FP32 * workload.architecture.heads


def _latent_bytes(workload: Workload) -> int:
    """Return it for latent attention, DeepSeek's.

    Heads have keys of d, of which r is rotated, and values of v. q and k as put together, d each;
    k and v as they come from the latent vector, d − r + v; the output, v; the log-sum-exp; and fp32
    copies of the two latent vectors for their norms.
    """
    shape = workload.architecture
    unrotated = shape.head_dim - shape.rotary_dim + shape.value_dim
    per_head = workload.attention_element * (2 * shape.head_dim + unrotated + shape.value_dim)
    latent = FP32 * (shape.query_rank + shape.key_rank)
    return shape.heads * (per_head + FP32) + latent


def output_is_kept(workload: Workload) -> bool:
    """Whether the last matrix reads a tensor that attention keeps anyway.

    Not so in eager attention, nor where packed rows are attended to one by one: their outputs are
    put together to a new tensor. The flash kernel for a GPU writes them into one.
    """
    if workload.attention == "eager" or _written_out_on_cpu(workload):
        return False
    return not workload.packed or _in_one_call(workload)


def _in_one_call(workload: Workload) -> bool:
    """Tell whether one flash kernel attends to all rows: it has no dropout and no cap."""
    shape = workload.architecture
    plain = not shape.attention_dropout and not shape.attention_cap
    return plain and not workload.on_cpu and workload.attention_element == workload.element < FP32


def _row_by_row_on_gpu(workload: Workload) -> bool:
    return workload.packed and not workload.on_cpu and not _in_one_call(workload)


def _written_out_on_cpu(workload: Workload) -> bool:
    """Tell whether sdpa makes all scores, in fp32.

    On a processor no kernel silences some of them, and none shares heads (Falcon's own attention).
    """
    shape = workload.architecture
    shared = not shape.packable and shape.kv_heads < shape.heads
    usual = workload.on_cpu and workload.attention != "eager"
    return usual and (shape.attention_dropout > 0 or shared)


def _scores(workload: Workload) -> int:
    """Number of attention scores of one block: b·heads·s²."""
    return workload.rows * workload.architecture.heads * workload.length**2


def score_bytes(workload: Workload) -> int:
    """Return the bytes of scores that one block keeps.

    Eager keeps the softmax in fp32 and, where the compute type is another, once more in that; of
    capped scores the tanh as well. sdpa keeps no scores, but a mask of b·s² numbers where rows are
    padded; where a processor makes them all, the softmax in fp32, and with dropout its factors and
    the product. No kernel of torch knows capped scores (Gemma 2): they are written out, the tanh,
    the softmax and its copy, and a mask of one byte.
    """
    element = workload.element
    if _written_out_on_cpu(workload):
        return FP32 * (3 if workload.architecture.attention_dropout else 1) * _scores(workload)
    if workload.attention == "eager":
        capped = element if workload.architecture.attention_cap else 0
        return _scores(workload) * (FP32 + (element if element < FP32 else 0) + capped)
    if workload.architecture.attention_cap and workload.stack.ours:
        return _CAPPED_SCORE * _scores(workload) + workload.rows * workload.length**2
    if workload.attention == "sdpa" and workload.padded:
        return element * workload.rows * workload.length**2
    return 0


def score_backward_bytes(workload: Workload) -> int:
    """Return what the backward pass of a softmax that is written out adds to the scores kept.

    Its gradient and its result in fp32, 8 B per score, while the copy of the probabilities in 16
    bits is freed. CUDA holds one more number of the compute type.
    """
    if _written_out_on_cpu(workload):
        return 2 * FP32 * _scores(workload)
    if workload.attention != "eager":
        return 0
    copy = workload.element if workload.element < FP32 else 0
    held = 0 if workload.on_cpu else workload.element
    return _scores(workload) * (2 * FP32 - copy + held)


def attention_backward_bytes(workload: Workload) -> int:
    """Return what the backward pass of attention adds to what it keeps.

    Of packed rows the gradients of q, k and v are made row by row and then put together, so that
    for a moment they are there twice, beside that of the output: a·T·(3·q + 4·k).
    """
    scores = score_backward_bytes(workload)
    if not workload.packed:
        return scores
    width = 3 * query_width(workload) + 4 * key_width(workload)
    return workload.tokens * workload.attention_element * width
