"""Memory planning without torch: what a run will need, part by part, before it is started.

Files by story: `cells` (the matrices of a model), `workload` (what is run, and by which engine),
`weights`, `trained` (adapter, gradients, optimizer), `attention`, `inputs` and `activations` (what
one block keeps), `checkpointing` (what all blocks keep), `logits`, `overhead` (workspace, context),
`plan` (the peak over the moments of a step), `devices` and `cards` (where it could run), `verdict`,
`changes`, `explain`. The folder `dry_run` is another way to the same plan; it needs torch, and
nothing here imports it.
"""

from core.memory.plan import MemoryPlan, plan_memory, plan_methods

__all__ = ["MemoryPlan", "plan_memory", "plan_methods"]
