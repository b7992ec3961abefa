"""Fully sharded training (FSDP, ZeRO-3): every GPU keeps a share of what lies still."""

from core.memory.weights import matrix_bytes
from core.memory.workload import Workload

_GATHERED_BLOCKS = 2
"""One that is computed and the next, which is fetched meanwhile (FSDP's backward prefetch)."""


def gathered_bytes(workload: Workload) -> float:
    """Return what a GPU holds whole for a while: two blocks, embeddings, norms and head.

    Everything outside of the blocks is one unit, which stays gathered from the first block to the
    last (`torch.distributed.fsdp`, the root unit).
    """
    if workload.shards == 1:
        return 0.0
    blocks = min(_GATHERED_BLOCKS, workload.architecture.layers) / workload.architecture.layers
    rest = workload.weight_element * workload.model.other_parameters
    whole = blocks * matrix_bytes(workload) + rest
    return whole * (1 - 1 / workload.shards)
