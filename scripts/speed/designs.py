"""What is raced against what: the designs by their numbers, each as a list of races."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speed.examples import Spec
from speed.rows import LONGEST, write_rows

OURS, AGAIN = "Rankscope", "Rankscope again (A/A)"
ROWS = 800

TRAINER = "PEFT + Trainer, default"
TRAINER_BEST = "PEFT + Trainer, best"
TRL = "TRL, default"
TRL_BEST = "TRL, best: packed"
TRL_GROUPED = "TRL, grouped by length, not packed"

_TRAINER_BEST: dict[str, Any] = {"grouped": True}
_TRL_GROUPED: dict[str, Any] = {"grouped": True, "gradient_checkpointing": False, "bf16": False}
_TRL_BEST: dict[str, Any] = {"packed": 512, "gradient_checkpointing": False, "bf16": False}


@dataclass(frozen=True)
class Race:
    """Variants that take turns; the first is what all others are compared with.

    Attributes:
        design: P1 and so on.
        title: What it shows.
        specs: Ours, ours again, then the others.
        targets: Least ratio that is promised, by the name of the other.
        wall: Whether rounds with two threads and the clock are added.
        unit: Whose seconds are counted otherwise.
    """

    design: str
    title: str
    specs: tuple[Spec, ...]
    targets: dict[str, float]
    wall: bool = False
    unit: str = "CPU second"


@dataclass(frozen=True)
class Place:
    """Where models and rows of this session lie; `model` makes one that is not there yet."""

    folder: Path
    model: Callable[[str], str]

    def rows(self, mix: str, supervised: float = 0.4) -> str:
        """Return the file of rows of this mix, written at the first call."""
        file = self.folder / f"{mix}-{supervised:g}.jsonl"
        if not file.exists():
            write_rows(file, mix=mix, count=ROWS, supervised=supervised)
        return str(file)


def p1(place: Place) -> list[Race]:
    """Everybody on rows as long as those of Alpaca, with the starter model.

    In two races: the heaps of all at once outgrew 24 GiB.
    """
    ours = _ours(place, "starter")
    narrow = {"training.adapter_products": "model"}
    bf16 = replace(ours, name=f"{OURS}, bf16 adapters", changes=narrow)
    trainer = (*_twice(ours), bf16, *_peers(ours, (TRAINER, TRAINER_BEST)))
    trl = (*_twice(ours), *_peers(ours, (TRL, TRL_BEST, TRL_GROUPED)))
    title = "Starter model, Alpaca-like lengths, against"
    return [
        Race("P1", f"{title} PEFT + Trainer", trainer, {TRAINER: 2.5}, wall=True),
        Race("P1", f"{title} TRL", trl, {TRL_BEST: 1.8}, wall=True),
    ]


def p2(place: Place) -> list[Race]:
    """The mix of lengths."""
    races = []
    for mix in ("uniform", "chat", "mixed"):
        ours = replace(_ours(place, "cut"), rows=place.rows(mix), max_length=LONGEST[mix])
        specs = (*_twice(ours), *_peers(ours, (TRAINER, TRL_BEST)))
        races.append(Race("P2", f"8 layers, lengths: {mix}", specs, {}))
    return races


def p3(place: Place) -> list[Race]:
    """The share of tokens that give a loss."""
    races = []
    for share in (1.0, 0.5, 0.3, 0.1):
        rows = place.rows("alpaca", min(share, 0.5))
        ours = replace(_ours(place, "cut"), rows=rows, everything=share == 1.0)
        specs = (*_twice(ours), *_peers(ours, (TRAINER, TRL_BEST)))
        races.append(Race("P3", f"8 layers, {share:.0%} of the words trained", specs, {}))
    return races


def p4(place: Place) -> list[Race]:
    """The size of the vocabulary."""
    races = []
    for size in (50_000, 128_000, 256_000):
        ours = _ours(place, f"vocab-{size}")
        specs = (*_twice(ours), *_peers(ours, (TRAINER, TRL_BEST)))
        races.append(Race("P4", f"2 random layers, {size:,} tokens", specs, {}))
    return races


def p5(place: Place) -> list[Race]:
    """Each technique taken out alone, and put in alone."""
    everything = replace(
        _ours(place, "cut"), changes={"training.adapter_products": "model"}, name=OURS
    )
    out = [replace(_without(everything, part), name=f"without {part}") for part in PARTS]
    bare = everything
    for part in PARTS:
        bare = _without(bare, part)
    bare = replace(bare, name="none of them")
    alone = [replace(_with(bare, part), name=f"only {part}") for part in PARTS]
    return [
        Race("P5", "8 layers, each technique taken out alone", (*_twice(everything), *out), {}),
        Race(
            "P5",
            "8 layers, each technique put in alone (ratio below 1: faster than none)",
            (*_twice(bare), *alone, *_peers(everything, (TRAINER,))),
            {},
        ),
    ]


def p7(place: Place) -> list[Race]:
    """Four-bit weights, against plain layers of bitsandbytes."""
    ours = replace(_ours(place, "starter"), bits=4)
    specs = (*_twice(ours), *_peers(ours, (TRAINER, TRAINER_BEST)))
    title = "Starter model in 4 bits (NF4, double quantization)"
    return [Race("P7", title, specs, {TRAINER: 1.3}, wall=True)]


RACES = {"P1": p1, "P2": p2, "P3": p3, "P4": p4, "P5": p5, "P7": p7}

PARTS: dict[str, dict[str, Any] | None] = {
    "packing": {"training.packing": False},
    "fp32 attention": {"model.attention_dtype": "bf16"},
    "bf16 adapters": {"training.adapter_products": "fp32"},
    "chunked loss": None,
    "short adapter products": None,
}
"""The techniques, with the setting that takes one out; None: no setting does."""


def _ours(place: Place, model: str) -> Spec:
    return Spec(name=OURS, system="ours", model=place.model(model), rows=place.rows("alpaca"))


def _twice(spec: Spec) -> tuple[Spec, Spec]:
    return spec, replace(spec, name=AGAIN)


def _peers(ours: Spec, names: Sequence[str]) -> list[Spec]:
    """Return the peers with those names, at the same model, data and batch as ours."""
    stock: dict[str, tuple[str, dict[str, Any]]] = {
        TRAINER: ("trainer", {}),
        TRAINER_BEST: ("trainer", _TRAINER_BEST),
        TRL: ("sft", {}),
        TRL_GROUPED: ("sft", _TRL_GROUPED),
        TRL_BEST: ("sft", {**_TRL_BEST, "packed": max(512, ours.max_length)}),
    }
    return [
        replace(ours, name=name, system=stock[name][0], changes=stock[name][1]) for name in names
    ]


def _without(spec: Spec, part: str) -> Spec:
    setting = PARTS[part]
    if setting is None:
        return replace(spec, without=(*spec.without, part))
    return replace(spec, changes={**spec.changes, **setting})


def _with(spec: Spec, part: str) -> Spec:
    setting = PARTS[part]
    if setting is None:
        return replace(spec, without=tuple(name for name in spec.without if name != part))
    changes = {key: value for key, value in spec.changes.items() if key not in setting}
    if part == "bf16 adapters":
        changes["training.adapter_products"] = "model"
    return replace(spec, changes=changes)
