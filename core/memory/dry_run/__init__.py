"""The exact memory planner: a training step of the real code on tensors that hold nothing.

Worker side: it imports torch. `dry_run` is the public function. What runs is what would train (our
engine, or PEFT's layers in a program like the Trainer, see `core.memory.stack`), on a GPU or a
processor that need not be there; every operator is dispatched with its shapes and lifetimes.

- `program` builds the model and shortens it to the blocks that `blocks` finds to stand for all,
- `ours` and `stock` go forward and backward, `update` does the optimizer's step,
- `ledger` counts, `kernels` knows what a GPU's kernels do that torch here cannot tell,
- `measure` cuts a step into stretches, `compose` puts the whole model together from them.

Not seen: the context of the device, fragmentation, and what kernels that are not in `kernels` take
for themselves.
"""

from core.memory.dry_run.trace import Trace, dry_run

__all__ = ["Trace", "dry_run"]
