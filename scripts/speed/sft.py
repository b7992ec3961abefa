"""TRL's SFTTrainer, with the defaults of a fresh SFTConfig or with its best settings."""

import random
import statistics
import tempfile
from typing import Any

from datasets import Dataset
from trl import SFTConfig, SFTTrainer
from trl.data_utils import pack_dataset

from core.models.load import load_tokenizer
from speed.examples import SEED, Spec, digest, examples, labels, ordered
from speed.gate import Gate
from speed.stock import OPTIONS, Watch, load
from speed.trainer import grouped

PER_DEVICE = 8


def run(spec: Spec, gate: Gate) -> None:
    """Train until the parent has seen enough.

    The options are those of `SFTConfig`, `grouped` as for the Trainer, and `packed`: TRL's own
    best-fit-decreasing packing to so many tokens, its packs shuffled, as many per step as give
    about the rows of `spec.batch`.
    """
    options = dict(spec.changes)
    rows = examples(spec)
    per_device = min(PER_DEVICE, spec.batch)
    order = ordered(rows, len(rows) // per_device * per_device)
    if options.pop("grouped", False):
        order = grouped(rows, per_device)
    content = {
        "input_ids": [list(rows[i].ids) for i in order],
        "labels": [labels(rows[i]) for i in order],
    }
    data = Dataset.from_dict(content)
    accumulation = spec.batch // per_device
    packed = options.pop("packed", 0)
    if packed:
        data = pack_dataset(data, packed, "bfd")
        positions = list(range(len(data)))
        random.Random(SEED).shuffle(positions)
        data = data.select(positions)
        mean = statistics.mean(len(row.ids) for row in rows)
        per_device, accumulation = 1, max(1, round(spec.batch * mean / packed))
        options |= {"padding_free": True, "max_length": None}  # what packing=True comes to
    watch = Watch(gate, rows, {"data": digest(rows)})

    class Watched(SFTTrainer):  # type: ignore[misc]
        def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            loss = super().training_step(model, inputs, *args, **kwargs)
            watch.saw(inputs, loss)
            return loss

    Watched(
        model=load(spec),
        args=SFTConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=per_device,
            gradient_accumulation_steps=accumulation,
            dataset_kwargs={"skip_prepare_dataset": True},  # it is tokenised, and packed
            **{**OPTIONS, **options},
        ),
        train_dataset=data,
        processing_class=load_tokenizer(spec.model),
        callbacks=[watch],
    ).train()
