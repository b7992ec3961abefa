"""Memory planning without torch: what a run will need, part by part, before it is started.

Files by story: `workload` (what is run), `weights`, `trained` (adapter, gradients, optimizer),
`activations`, `logits`, `overhead` (workspace, context), `plan` (the peak over the moments of a
step), `devices` and `cards` (where it could run), `verdict`, `changes`, `explain`.
"""

from core.memory.plan import MemoryPlan, plan_memory, plan_methods

__all__ = ["MemoryPlan", "plan_memory", "plan_methods"]
