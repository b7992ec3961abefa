"""PEFT with transformers' Trainer, as the examples of both use them."""

import random
import tempfile
from typing import Any

import torch
from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments
from transformers.trainer_pt_utils import get_length_grouped_indices

from core.data.encode import Example
from core.models.load import load_tokenizer
from speed.examples import SEED, Spec, digest, examples, labels, ordered
from speed.gate import Gate
from speed.stock import OPTIONS, Watch, load

PER_DEVICE = 8


def run(spec: Spec, gate: Gate) -> None:
    """Train until the parent has seen enough.

    The options are those of `TrainingArguments`, and `grouped`: micro-batches of rows of one
    length, as `train_sampling_strategy="group_by_length"` makes them.
    """
    options = dict(spec.changes)
    rows = examples(spec)
    per_device = min(PER_DEVICE, spec.batch)
    order = ordered(rows, len(rows) // per_device * per_device)
    if options.pop("grouped", False):
        order = grouped(rows, per_device)
    data = [{"input_ids": list(rows[i].ids), "labels": labels(rows[i])} for i in order]
    watch = Watch(gate, rows, {"data": digest(rows)})

    class Watched(Trainer):  # type: ignore[misc]
        def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            loss = super().training_step(model, inputs, *args, **kwargs)
            watch.saw(inputs, loss)
            return loss

    Watched(
        model=load(spec),
        args=TrainingArguments(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=per_device,
            gradient_accumulation_steps=spec.batch // per_device,
            **{**OPTIONS, **options},
        ),
        train_dataset=data,
        data_collator=DataCollatorForSeq2Seq(load_tokenizer(spec.model)),
        callbacks=[watch],
    ).train()


def grouped(rows: list[Example], per_device: int) -> list[int]:
    """Return an order in which the rows of every micro-batch have nearly one length.

    transformers' own grouping over the whole data, which goes from long to short; its micro-batches
    are shuffled, since a few rounds would otherwise see the longest ones only.
    """
    torch.manual_seed(SEED)
    found = get_length_grouped_indices([len(row.ids) for row in rows], per_device, len(rows))
    whole = len(found) // per_device * per_device
    batches = [found[i : i + per_device] for i in range(0, whole, per_device)]
    random.Random(SEED).shuffle(batches)
    return [i for batch in batches for i in batch]
