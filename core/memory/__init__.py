"""Memory planning without torch: what a run will need, part by part, before it is started.

Files by story: `cells` (the matrices of a model), `stack` (what training programs differ in),
`workload` (what is run, and by which of them); `weights`, `trained` (adapter, gradients,
optimizer), `attention`, `mlp`, `norms`, `inputs` and `activations` (what one block keeps),
`checkpointing` (what all blocks keep), `logits` and `whole_logits` (the loss), `shards`, `overhead`
(workspace, context); `plan` (the peak over the moments of a step), `reserved` (what the process
holds), `devices` and `cards` (where it could run), `verdict`, `changes`, `explain`, `cell_cost`;
`proposals`, `savings`, `make_it_fit` and `spare` (what to change), `host` (main memory and disk);
`table` (runs that others have measured). `dry_run` alone needs torch: it traces a step instead.
"""

from core.memory.plan import MemoryPlan, plan_memory, plan_methods

__all__ = ["MemoryPlan", "plan_memory", "plan_methods"]
