"""The losses that every variant must meet: plain PyTorch, one row at a time.

    python -m speed.reference SPEC BATCHES     print a `Reference` as JSON

BATCHES is a list of steps, each a list of positions of rows. The first loss is that of the model
alone, so fp32 tells how far bf16 may lie from it. From the second on, bf16 has trained another
adapter: AdamW's first step is nearly the sign of the gradient, and where the gradient is small its
sign is noise. Those are compared with the same plain loop in bf16.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict

import torch
from torch.nn.functional import cross_entropy

from core.data.encode import Example
from core.libraries import prepare_libraries
from speed.examples import IGNORED, RATE, Spec, examples, labels
from speed.stock import load


class Reference(TypedDict):
    """What the same rows give.

    Attributes:
        exact: First loss in fp32, from the same bf16 (or unpacked 4-bit) weights.
        bf16: Loss of every step in bf16.
    """

    exact: float
    bf16: list[float]


def reference(spec: Spec, batches: Sequence[Sequence[int]]) -> Reference:
    """Return the losses of the batches, training in between."""
    rows, plain = examples(spec), replace(spec, changes={})
    exact = losses(load(plain, torch.float32), rows, batches[:1])[0]
    return {"exact": exact, "bf16": losses(load(plain), rows, batches)}


def losses(
    model: torch.nn.Module, rows: Sequence[Example], batches: Sequence[Sequence[int]]
) -> list[float]:
    """Return the mean loss over the trained tokens of each batch, training in between."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.0)
    means = []
    for batch in batches:
        trained = sum(rows[i].trained_tokens for i in batch)
        means.append(sum(_add_gradient(model, rows[i], trained) for i in batch))
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return means


def _add_gradient(model: torch.nn.Module, row: Example, trained: int) -> float:
    """Go forward and backward over one row; return its share of the mean loss."""
    logits = model(input_ids=torch.tensor([row.ids])).logits[0, :-1].float()
    targets = torch.tensor(labels(row)[1:])
    loss = cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum") / trained
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())


if __name__ == "__main__":
    prepare_libraries()
    print(json.dumps(reference(Spec(**json.loads(sys.argv[1])), json.loads(sys.argv[2]))))
