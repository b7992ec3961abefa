"""The way of a micro-batch through a model to its loss, as short as the model allows.

Two shortcuts are taken where they are proven on the very model that is trained: rows packed into
one sequence instead of padded ones (`core.training.attention`), and logits only where there is a
label, in chunks (`core.training.loss`). Before the first step a trial compares both with the plain
way: two short rows, each alone, through the model's own forward pass. What differs is not used, and
the run says so.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import torch
from peft import PeftModel

from core.data.encode import Example
from core.events import Notice
from core.training.attention import NAME, Segments, attending, register
from core.training.head import Head
from core.training.loss import PLAIN, Criterion, Loss, chunked_loss, plain_loss
from core.training.micro_batch import Layout, MicroBatch

_TRIAL_LENGTHS = (5, 9)
_ROUNDING = {torch.float32: 1e-4, torch.bfloat16: 0.04, torch.float16: 0.01}
"""How far logits may be from the plain way's, as a share of their own size (root mean squares).
A forgotten factor or soft cap, or a row that sees its neighbour, is off by a multiple of that."""
_LEAK = 2e-3
"""How far a row may move when its neighbour changes: not at all, but experts that are shared by
fewer tokens round otherwise."""
_EIGHT_BIT = 0.12
"""Both, on 8-bit weights: LLM.int8 rounds the inputs of a product too, and which of their columns
it leaves out of that depends on all rows. The starter model came to 0.07, with a leak to 0.32."""


@dataclass(frozen=True)
class Passage:
    """The way through one model.

    Attributes:
        model: The adapted model.
        implementation: What transformers calls the attention.
        head: The formula of its logits; None: its own forward pass makes them.
        attention: Number type of attention where rows are packed; None: the compute type.
        flash: Packed rows are attended to by the variable-length flash kernel.
    """

    model: PeftModel
    implementation: str = "sdpa"
    head: Head | None = None
    attention: torch.dtype | None = None
    flash: bool = False

    @property
    def packed(self) -> bool:
        """Whether rows are packed, not padded."""
        return self.implementation == NAME

    def loss(self, batch: MicroBatch, criterion: Criterion = PLAIN) -> Loss:
        """Return the summed loss over the trained tokens of a micro-batch on the device."""
        if self.head is None:
            return plain_loss(self._own_logits(batch), batch.targets, criterion)
        return chunked_loss(self._hidden(batch), batch.targets, self.head, criterion)

    def logits(self, batch: MicroBatch) -> torch.Tensor:
        """Return the logits of the trained tokens, (N, vocabulary), fp32."""
        if self.head is None:
            return self._own_logits(batch).float()
        return self.head.logits(self._hidden(batch))

    def _hidden(self, batch: MicroBatch) -> torch.Tensor:
        """Return the last hidden states that predict a trained token, (N, hidden)."""
        output = self.model.get_base_model().get_decoder()(**self._arguments(batch))
        hidden: torch.Tensor = output.last_hidden_state.flatten(0, 1)[batch.predictors]
        return hidden

    def _own_logits(self, batch: MicroBatch) -> torch.Tensor:
        """Return the model's own logits at the predictors, (N, vocabulary)."""
        arguments = self._arguments(batch)
        if self.packed:  # of one sequence the model can leave the other logits out
            own: torch.Tensor = self.model(**arguments, logits_to_keep=batch.predictors).logits
            return own[0]
        logits: torch.Tensor = self.model(**arguments).logits
        return logits.flatten(0, 1)[batch.predictors]

    def _arguments(self, batch: MicroBatch) -> dict[str, Any]:
        arguments: dict[str, Any] = {"input_ids": batch.ids, "use_cache": False}
        if batch.mask is not None:
            return {**arguments, "attention_mask": batch.mask}
        borders = None
        if self.flash:
            ends = [0, *accumulate(batch.lengths)]
            borders = torch.tensor(ends, dtype=torch.int32, device=batch.ids.device)
        segments = Segments(batch.lengths, self.attention, borders)
        return {**arguments, "position_ids": batch.positions, "segments": segments}


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
        yield _fallback("the logits are no plain function of the hidden states", "all at once")
    ways = [way for way in _ways(wanted) if trial.proves(way)]
    passage = ways[0] if ways else replace(plain, head=wanted.head)
    if wanted.packed and not passage.packed:
        yield _fallback("packed rows do not give what single rows give", "in padded rows")
    passage.model.get_base_model().set_attn_implementation(passage.implementation)
    return passage


def _ways(wanted: Passage) -> list[Passage]:
    """Return the ways to attend, the fastest first."""
    padded = replace(wanted, implementation="sdpa", flash=False, attention=None)
    slower = [replace(wanted, flash=False)] if wanted.flash else []
    return [wanted, *slower, padded] if wanted.packed else [wanted]


def _fallback(reason: str, instead: str) -> Notice:
    message = f"On this model {reason}: they are made {instead}, which is slower."
    return Notice(level="info", message=message)


class _Trial:
    """Two short random rows, and the logits that the plain way gives for each alone."""

    def __init__(self, model: PeftModel, vocabulary: int) -> None:
        draw = torch.Generator().manual_seed(0)
        first, second, other = (
            _example(torch.randint(vocabulary, (length,), generator=draw).tolist())
            for length in (*_TRIAL_LENGTHS, _TRIAL_LENGTHS[0])
        )
        self._rows, self._changed = [first, second], [other, second]
        eight_bit = getattr(model.get_base_model(), "is_loaded_in_8bit", False)
        self._rounding = _EIGHT_BIT if eight_bit else _ROUNDING[model.dtype]
        self._leak = _EIGHT_BIT if eight_bit else _LEAK
        plain = Passage(model, "eager")
        self._expected = torch.cat([_logits(plain, [row]) for row in self._rows])

    def proves(self, way: Passage) -> bool:
        """Tell whether a way gives the same logits, and no row sees the one before it."""
        try:
            got, beside_other = _logits(way, self._rows), _logits(way, self._changed)
        except torch.OutOfMemoryError:
            raise
        except (NotImplementedError, TypeError, ValueError, KeyError, RuntimeError):
            return False  # the architecture does not take what this way hands down
        second = slice(_TRIAL_LENGTHS[0] - 1, None)
        sees_nothing = _distance(beside_other[second], got[second]) <= self._leak
        return sees_nothing and _distance(got, self._expected) <= self._rounding


def _logits(way: Passage, rows: list[Example]) -> torch.Tensor:
    """Return the logits for all tokens of the rows but their first ones."""
    base = way.model.get_base_model()
    layout = Layout.of(rows, len(rows), 0, packed=way.packed)
    with attending(base, way.implementation), evaluating(way.model):
        return way.logits(layout.tensors(rows).to(base.device))


def _example(ids: list[int]) -> Example:
    return Example(ids=tuple(ids), trained=(False, *[True] * (len(ids) - 1)), row=0)


def _distance(got: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the root mean square of the difference, as a share of that of `expected`."""
    return float((got - expected).square().mean().sqrt() / expected.square().mean().sqrt())


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Switch dropout and gradients off for one forward pass; never held across a yield."""
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train()
