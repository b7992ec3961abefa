"""How a model turns hidden states into logits, as a formula that can be cut into chunks.

    z = c·tanh(s·(W·h + b)/c)

with the frozen matrix W of the output layer (tied to the embeddings or not), its bias b if it has
one, a factor s that some architectures apply, and the soft cap c of Gemma 2; without a cap, z is
s·(W·h + b). `core.training.passage` compares it with the model's own logits before it is trusted.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_FACTORS = ("logit_scale", "lm_head_multiplier")  # Cohere; Falcon-H1
_DIVISORS = ("logits_scaling",)  # Granite


@dataclass(frozen=True)
class Head:
    """The output layer of a model.

    Attributes:
        weight: W, (vocabulary, hidden).
        bias: b, (vocabulary,), or None.
        scale: s.
        cap: c, or None.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None = None
    scale: float = 1.0
    cap: float | None = None

    @classmethod
    def of(cls, model: "PreTrainedModel") -> "Head | None":
        """Return the head of a model, None where it is trained or no plain matrix."""
        layer = model.get_output_embeddings()
        if type(layer) is not nn.Linear or layer.weight.requires_grad:
            return None
        config = model.config.get_text_config()
        scale = 1.0
        for name in _FACTORS:
            scale *= getattr(config, name, None) or 1.0
        for name in _DIVISORS:
            scale /= getattr(config, name, None) or 1.0
        cap = getattr(config, "final_logit_softcapping", None)
        return cls(layer.weight, layer.bias, scale, cap)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the logits of (…, hidden) in fp32; the product runs in the type of `hidden`."""
        logits = nn.functional.linear(hidden, self.weight, self.bias).float()
        if self.scale != 1.0:
            logits *= self.scale
        if self.cap is not None:
            logits = self.cap * torch.tanh(logits / self.cap)
        return logits

    def pull_back(self, gradient: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Turn the gradient of the logits, in place, into that of the product W·h + b.

        Args:
            gradient: (…, vocabulary), fp32.
            logits: What `logits` returned; used only where there is a cap: dz/dx = 1 − (z/c)².
        """
        if self.cap is not None:
            gradient *= 1 - (logits / self.cap).square_()
        if self.scale != 1.0:
            gradient *= self.scale
        return gradient
