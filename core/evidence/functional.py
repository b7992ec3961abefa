"""Measures how rows use an update: E[zzᵀ] of each module, and the gradient of each component.

One pass serves both, forward and backward, with dropout off. z = Vᵀx is taken from the inputs x of
each adapted layer; beside it z' = A'x for a random A' as LoRA starts it, for the null. In the gauge
of `core.evidence.gauge`, B = U·diag(σ)/s, the gradient of B gives g_k = u_kᵀ·(∂L/∂B)_k / s, for
∂L/∂B = s·(∂L/∂ΔW)·Aᵀ and A = Vᵀ. No hook on the outputs is needed.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from core.data.encode import Example
from core.events import Event, Progress
from core.evidence.bench import Bench
from core.ranks.functional import FunctionalSpectra, FunctionalSpectrum, functional_null
from core.ranks.metrics import Array
from core.ranks.update import Update
from core.training.micro_batch import MicroBatch
from core.training.trainee import trained_tokens

BATCHES = 16
"""The fewest batches that a sensitivity is averaged over, where there are as many rows."""

_SEED = 20260822


def measure_use(bench: Bench, rows: Sequence[Example]) -> Generator[Event, None, FunctionalSpectra]:
    """Return the functional spectrum and the sensitivities of every module.

    Raises:
        Halt: A stop was asked for.
        OutOfMemory: A micro-batch with its gradients does not fit.
    """
    checkpointed = bench.settings.training.gradient_checkpointing not in ("off", "auto", 0)
    layout = bench.layout(rows, micro_batch=1 if checkpointed else 0)
    for name in bench.gauge.parts:  # PEFT forgets it where the adapter was switched off
        bench.gauge.b(name).requires_grad_(True)
    batches = [rows[start::BATCHES] for start in range(min(BATCHES, len(rows)))]
    grams, slopes, scale = _Grams(bench), _Slopes(bench), bench.precision.loss_scale
    try:
        for number, batch in enumerate(batches):
            for part in layout.split(batch):
                bench.check()
                micro_batch = layout.tensors(part).to(bench.model.device)
                with grams.collecting(micro_batch), torch.enable_grad():
                    loss = bench.passage.loss(micro_batch).objective * scale
                    loss.backward()  # type: ignore[no-untyped-call]
            slopes.take(scale * trained_tokens(batch))
            share = (number + 1) / len(batches)
            yield Progress(phase="evaluating", message="How the data use the adapter", share=share)
    finally:
        bench.model.zero_grad()  # what a stop left would count to the next measurement
    return FunctionalSpectra(
        modules=tuple(_module(bench, name, grams, slopes) for name in bench.gauge.parts),
        tokens=grams.tokens,
        batches=len(batches),
    )


class _Grams:
    """Sums of zzᵀ over the tokens that went through, for V and for a random A' of each module."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._sums: dict[str, torch.Tensor] = {}  # (2, q, q) float64
        self._counts: dict[str, int] = {}
        self._inputs = {name: _inputs(bench, name) for name in bench.gauge.parts}
        self._real: torch.Tensor | None = None  # which positions are no padding
        self.tokens = 0

    @contextmanager
    def collecting(self, batch: MicroBatch) -> Iterator[None]:
        """Listen to the inputs of the adapted layers for one forward pass, dropout off."""
        self._real = None if batch.mask is None else batch.mask.flatten().bool()
        self.tokens += batch.tokens
        layers = self._bench.gauge.layers.items()
        handles = [
            layer.register_forward_pre_hook(lambda _, inputs, name=name: self._take(name, inputs))
            for name, layer in layers
        ]
        self._bench.model.eval()
        try:
            yield
        finally:
            self._bench.model.train()
            for handle in handles:
                handle.remove()

    @torch.no_grad()
    def _take(self, name: str, inputs: tuple[Any, ...]) -> None:
        x = inputs[0].reshape(-1, inputs[0].shape[-1])
        if self._real is not None and len(self._real) == len(x):  # else routed tokens alone
            x = x[self._real]
        directions = self._inputs[name]
        z = (x.to(directions.dtype) @ directions.T).unflatten(1, (2, -1)).transpose(0, 1)
        sums = (z.transpose(1, 2) @ z).double()
        self._sums[name] = self._sums[name] + sums if name in self._sums else sums
        self._counts[name] = self._counts.get(name, 0) + len(x)

    def of(self, name: str) -> tuple[Array, Array]:
        """Return E[zzᵀ] for V and for the random A', (q, q) each; zero where no token came by."""
        if name not in self._sums:
            size = len(self._bench.gauge.parts[name].sigma)
            return np.zeros((size, size)), np.zeros((size, size))
        means = (self._sums[name] / self._counts[name]).cpu().numpy()
        return means[0], means[1]


def _inputs(bench: Bench, name: str) -> torch.Tensor:
    """Return Vᵀ and below it a random A' of the same shape, (2q, n) in fp32 on the device."""
    part = bench.gauge.parts[name]
    columns, rank = part.v.shape
    random = np.random.default_rng([_SEED, rank, columns])
    limit = 1 / np.sqrt(columns)  # Kaiming uniform, as LoRA starts A
    start = random.uniform(-limit, limit, (rank, columns))
    both = torch.from_numpy(np.concatenate([part.v.T, start]))
    return both.to(bench.model.device, torch.float32)


class _Slopes:
    """g_k of every module, batch by batch."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._seen: dict[str, list[Array]] = {name: [] for name in bench.gauge.parts}

    def take(self, divisor: float) -> None:
        """Take the gradients of one batch, of the mean loss times `divisor`, and clear them."""
        gauge = self._bench.gauge
        for name, part in gauge.parts.items():
            gradient = gauge.b(name).grad
            slopes = np.zeros(len(part.sigma))
            if gradient is not None:
                columns = gradient[:, : len(slopes)].double().cpu().numpy()
                slopes = (part.u * columns).sum(0) / (gauge.scaling(name) * divisor)
            self._seen[name].append(slopes)
        self._bench.model.zero_grad()

    def of(self, name: str) -> tuple[Array, Array]:
        """Return mean and standard error over the batches, (q,) each."""
        seen = np.stack(self._seen[name])
        if len(seen) < 2:
            return seen[0], np.zeros(seen.shape[1])
        return seen.mean(0), seen.std(0, ddof=1) / np.sqrt(len(seen))


def _module(bench: Bench, name: str, grams: _Grams, slopes: _Slopes) -> FunctionalSpectrum:
    part, shape = bench.gauge.parts[name], bench.gauge.shapes[name]
    gram, random_gram = grams.of(name)
    update = Update(name, part.u * part.sigma, part.v.T)
    null = functional_null(shape, random_gram)
    return FunctionalSpectrum.of(update, gram, null, slopes.of(name))
