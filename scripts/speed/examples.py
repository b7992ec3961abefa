"""The token ids and trained masks that every system gets, made once by Rankscope's own encoder."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.data.batches import Order
from core.data.encode import Example, encode_rows
from core.data.rows import load_rows
from core.models.load import load_tokenizer
from core.settings import RunSettings

IGNORED = -100  # the label that cross-entropy skips


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What one variant trains.

    Attributes:
        name: What the table calls it.
        system: ours, trainer or sft.
        model: Folder of the base model.
        rows: JSONL file.
        max_length: Tokens at which a row is cut.
        everything: Whether the tokens of the questions are trained as well.
        bits: 16, or 4 for NF4 with double quantization.
        batch: Rows of one optimizer step.
        changes: Settings of ours, or options of the peer's.
        without: Parts of ours that are taken out, by name (see `speed.ours`).
    """

    name: str
    system: str
    model: str
    rows: str
    max_length: int = 512
    everything: bool = False
    bits: int = 16
    batch: int = 8
    changes: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()


SEED = 7
RATE = 5e-4


def settings(spec: Spec) -> RunSettings:
    """Return the settings of ours: nothing happens but steps."""
    return RunSettings().with_changes(
        {
            "model.source": spec.model,
            "model.bits": spec.bits,
            "model.dtype": "bf16",
            "data.path": spec.rows,
            "data.max_length": spec.max_length,
            "data.held_out": 0.0,
            "data.train_on": "everything" if spec.everything else "answers",
            "adapter.rank": 16,
            "adapter.alpha": 32.0,
            "training.steps": 1_000_000,
            "training.schedule": "constant",
            "training.warmup": 0,
            "training.learning_rate": RATE,
            "training.micro_batch": spec.batch,
            "training.evaluate_every": 1_000_000,
            "training.checkpoint_every": 1_000_000,
            "training.seed": SEED,
            **spec.changes,
        }
    )


def examples(spec: Spec) -> list[Example]:
    """Return the rows as the engine encodes them."""
    data = settings(spec if spec.system == "ours" else _plain(spec)).data
    rows = encode_rows(load_rows(data), load_tokenizer(Path(spec.model)), data)
    return [row for row in rows if row.trained_tokens]


def _plain(spec: Spec) -> Spec:
    return Spec(**{**spec.__dict__, "changes": {}})


def ordered(rows: Sequence[Example], count: int) -> list[int]:
    """Return the first `count` positions in the order in which the engine takes them."""
    return Order(len(rows), SEED).take(count)


def labels(row: Example) -> list[int]:
    """Return the labels of a row in the convention of transformers: not shifted."""
    return [i if trained else IGNORED for i, trained in zip(row.ids, row.trained, strict=True)]


def digest(rows: Sequence[Example]) -> str:
    """Return a hash over all ids and masks."""
    return hashlib.sha256(repr([(row.ids, row.trained) for row in rows]).encode()).hexdigest()
