"""The trial before the first step: which shortcuts give on this model what the plain way gives.

Architectures differ in ways that no list of names keeps up with: a convolution that looks back over
the border of a row, attention with sinks, a factor on the logits. So two short rows go through the
model on the way that is wanted, and each alone through its own eager forward pass. The logits must
agree, the second row must not move when the first one changes, and the way back must work: kernels
exist that go forward only. What differs is not used, and the run says so.
"""

from collections.abc import Generator
from dataclasses import replace

import torch
from peft import PeftModel

from core.data.encode import Example
from core.events import Notice
from core.training.attention import attending, register
from core.training.micro_batch import Layout, MicroBatch
from core.training.passage import Passage, evaluating

_LENGTHS = (5, 9)
_LONGEST_WINDOW = 512
"""A sliding window up to that is tried with a row that is longer."""
_ROUNDING = {torch.float32: 1e-4, torch.bfloat16: 0.04, torch.float16: 0.01}
"""How far logits may be from the plain way's, as a share of their own size (root mean squares).
A forgotten factor or soft cap, or a row that sees its neighbour, is off by a multiple of that."""
_LEAK = 2e-3
"""How far a row may move when its neighbour changes: not at all, but experts that are shared by
fewer tokens round otherwise."""
_EIGHT_BIT = 0.12
"""Both, on 8-bit weights: LLM.int8 rounds the inputs of a product too, and which of their columns
it leaves out of that depends on all rows. The starter model came to 0.07, with a leak to 0.32."""
_REFUSALS = (
    *(NotImplementedError, TypeError, ValueError, KeyError, AttributeError, RuntimeError),
    AssertionError,
)
"""What an architecture, or a kernel, raises that does not take what a way hands down."""


def open_passage(wanted: Passage, vocabulary: int) -> Generator[Notice, None, Passage]:
    """Return the shortest way that gives what the plain one gives; tell where that is not `wanted`.

    The model is left with the attention that the passage needs.

    Args:
        wanted: The shortcuts to try.
        vocabulary: Number of tokens to draw the trial's from.
    """
    register()
    trial = _Trial(wanted.model, vocabulary)
    plain = Passage(wanted.model, "eager")
    if wanted.head is not None and not trial.proves(replace(plain, head=wanted.head)):
        wanted = replace(wanted, head=None)
        yield _told("All logits of a micro-batch are made at once instead of in chunks")
    ways = (way for way in _ways(wanted) if trial.proves(way))
    passage = next(ways, replace(plain, head=wanted.head))
    if wanted.packed and not passage.packed:
        yield _told("Rows are padded instead of packed")
    elif wanted.flash and not passage.flash:
        yield _told("Attention goes row by row instead of through the flash kernel")
    passage.model.get_base_model().set_attn_implementation(passage.implementation)
    return passage


def _ways(wanted: Passage) -> list[Passage]:
    """Return the ways to attend, the fastest first."""
    padded = replace(wanted, implementation="sdpa", flash=False, attention=None)
    slower = [replace(wanted, flash=False)] if wanted.flash else []
    return [wanted, *slower, padded] if wanted.packed else [wanted]


def _told(what: str) -> Notice:
    message = f"{what} on this model: a trial of the faster way did not give the same numbers."
    return Notice(level="info", message=message, hint="Slower; the result is the same.")


class _Trial:
    """Random rows, and the logits that the plain way gives for each of them alone."""

    def __init__(self, model: PeftModel, vocabulary: int) -> None:
        config = model.config.get_text_config()
        self._chunked = bool(getattr(config, "attention_chunk_size", None))
        draw = torch.Generator().manual_seed(0)
        window = getattr(config, "sliding_window", None) or 0
        last = window + 3 if 0 < window <= _LONGEST_WINDOW else _LENGTHS[1]
        first, second, other = (
            _example(torch.randint(vocabulary, (length,), generator=draw).tolist())
            for length in (_LENGTHS[0], max(last, _LENGTHS[1]), _LENGTHS[0])
        )
        self._rows, self._changed = [first, second], [other, second]
        eight_bit = getattr(model.get_base_model(), "is_loaded_in_8bit", False)
        self._rounding = _EIGHT_BIT if eight_bit else _ROUNDING[model.dtype]
        self._leak = _EIGHT_BIT if eight_bit else _LEAK
        plain = Passage(model, "eager")
        self._expected = torch.cat([_logits(plain, [row]) for row in self._rows])

    def proves(self, way: Passage) -> bool:
        """Tell whether a way gives the same logits, lets no row see another, and leads back.

        Raises:
            torch.OutOfMemoryError: Even these few tokens do not fit.
        """
        if way.packed and self._chunked:
            return False  # attention within chunks of a row lives in a mask alone
        try:
            got, beside_other = _logits(way, self._rows), _logits(way, self._changed)
            second = slice(_LENGTHS[0] - 1, None)
            sees_nothing = _distance(beside_other[second], got[second]) <= self._leak
            same = _distance(got, self._expected) <= self._rounding
            return sees_nothing and same and _leads_back(way, self._rows)
        except torch.OutOfMemoryError:
            raise
        except _REFUSALS:
            return False


def _logits(way: Passage, rows: list[Example]) -> torch.Tensor:
    """Return the logits for all tokens of the rows but their first ones."""
    base = way.model.get_base_model()
    with attending(base, way.implementation), evaluating(way.model):
        return way.logits(_batch(way, rows))


def _leads_back(way: Passage, rows: list[Example]) -> bool:
    """Tell whether a backward pass gives numbers; leaves no gradient behind."""
    trained = [parameter for parameter in way.model.parameters() if parameter.requires_grad]
    try:
        with attending(way.model.get_base_model(), way.implementation):
            way.loss(_batch(way, rows)).objective.backward()  # type: ignore[no-untyped-call]
        return all(p.grad is None or bool(p.grad.isfinite().all()) for p in trained)
    finally:
        way.model.zero_grad()


def _batch(way: Passage, rows: list[Example]) -> MicroBatch:
    layout = Layout.of(rows, len(rows), 0, packed=way.packed)
    return layout.tensors(rows).to(way.model.device)


def _example(ids: list[int]) -> Example:
    return Example(ids=tuple(ids), trained=(False, *[True] * (len(ids) - 1)), row=0)


def _distance(got: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the root mean square of the difference, as a share of that of `expected`."""
    return float((got - expected).square().mean().sqrt() / expected.square().mean().sqrt())
