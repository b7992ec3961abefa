"""Lion: the sign of an interpolated momentum (Chen et al., arXiv:2302.06675, algorithm 2).

  c = β1·m + (1 − β1)·g
  θ ← θ − η·(sign(c) + λ·θ)
  m ← β2·m + (1 − β2)·g

A step has the same size for every number, η, so Lion wants a rate 3 to 10 times lower than AdamW's
and a weight decay as many times higher (section 5 there). One moment is kept, not two.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch


class Lion(torch.optim.Optimizer):
    """Lion over whole lists of tensors: a few kernels per step, not a few per tensor."""

    def __init__(
        self,
        parameters: Iterable[Any],
        *,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Do one step over all parameters that have a gradient; call `closure` first, if any."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if parameters:
                self._step(parameters, group)
        return loss

    def _step(self, parameters: list[torch.Tensor], group: dict[str, Any]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        momenta = [self._momentum(p) for p in parameters]
        rate, (beta1, beta2) = group["lr"], group["betas"]
        directions = torch._foreach_lerp(momenta, gradients, 1.0 - beta1)
        torch._foreach_sign_(directions)
        torch._foreach_mul_(parameters, 1.0 - rate * group["weight_decay"])
        torch._foreach_add_(parameters, directions, alpha=-rate)
        torch._foreach_lerp_(momenta, gradients, 1.0 - beta2)

    def _momentum(self, parameter: torch.Tensor) -> torch.Tensor:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum: torch.Tensor = state["momentum"]
        return momentum
