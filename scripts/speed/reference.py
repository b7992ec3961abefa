"""The losses that every variant must meet: plain PyTorch in fp32, one row at a time.

    python -m speed.reference SPEC BATCHES     print the loss of each step as JSON

BATCHES is a list of steps, each a list of positions of rows.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.nn.functional import cross_entropy

from core.data.encode import Example
from core.libraries import prepare_libraries
from speed.examples import IGNORED, RATE, Spec, examples, labels
from speed.stock import load


def losses(spec: Spec, batches: Sequence[Sequence[int]]) -> list[float]:
    """Return the mean loss over the trained tokens of each batch, training in between.

    The weights are those of the variant (bf16, or unpacked from 4 bits), computed with in fp32.
    """
    rows = examples(spec)
    model = load(replace(spec, changes={})).float()
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
    print(json.dumps(losses(Spec(**json.loads(sys.argv[1])), json.loads(sys.argv[2]))))
