"""Which rows go through the model together: bins of at most a budget of tokens, with few gaps.

Packed rows lie end to end in one sequence, so that no token is padding; positions and attention
start anew with every row (`core.training.attention`). Which rows make up a step is decided before
and is not changed here: the effective batch is what it would be without packing.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence


def pack(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Distribute rows over as few bins as best-fit decreasing finds.

    The longest row first, each into the fullest bin that still has room for it; never more than
    11/9 of the optimum and one bin (Johnson et al., SIAM J. Comput. 3, 1974). Rows of one length
    keep the order in which they come, which the seed has shuffled, so the bins follow from it.

    Args:
        lengths: Tokens of each row.
        budget: Tokens of a bin; a longer row gets one of its own.

    Returns:
        Indices into `lengths`, each exactly once; within a bin from the longest row to the
        shortest, so that rows of one length stand together.
    """
    bins: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (tokens left, index of the bin), ascending
    for row in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        place = bisect_left(room, (lengths[row], 0))
        if place < len(room):
            left, chosen = room.pop(place)
        else:
            left, chosen = budget, len(bins)
            bins.append([])
        bins[chosen].append(row)
        insort(room, (left - lengths[row], chosen))
    return bins
