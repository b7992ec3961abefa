"""A loaded base model with an adapter in components: what every measurement stands on."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeVar

from peft import PeftModel

from core.control import Control
from core.data.encode import Example
from core.errors import UserError
from core.events import Event, Progress
from core.evidence.examples import Examples
from core.evidence.gauge import Gauge
from core.models.load import load_model
from core.models.prepare import prepare
from core.models.sources import open_model
from core.ranks import AdapterInfo, adapter_spectra, check_base, find_adapter
from core.ranks.curve import Rows
from core.settings import DataSettings, RunSettings
from core.training.adapter_product import shorten_products
from core.training.guards import out_of_memory_in_words
from core.training.micro_batch import Layout
from core.training.passage import Passage
from core.training.precision import Precision, choose_precision
from core.training.requests import Requests
from core.training.trainee import build_rows, wanted_passage
from core.training.trial import open_passage

T = TypeVar("T")

_SEED = 20260822


@dataclass
class Bench:
    """What is measured, and how.

    Attributes:
        settings: Model and training settings decide the way through the model.
        folder: The base model.
        precision: Device and number type of its products.
        info: What is known of the adapter.
        passage: The way of training.
        gauge: The components of the adapter; measurements leave them as they found them.
        requests: Looked at between micro-batches.
    """

    settings: RunSettings
    folder: Path
    precision: Precision
    info: AdapterInfo
    passage: Passage
    gauge: Gauge
    requests: Requests

    @property
    def model(self) -> PeftModel:
        """The base model with the adapter."""
        return self.passage.model

    def layout(self, rows: Sequence[Example], micro_batch: int = 0) -> Layout:
        """Return how rows go through: as in training, or fewer at once."""
        at_once = micro_batch or self.settings.training.micro_batch
        return Layout.of(rows, at_once, 0, packed=self.passage.packed)

    def examples(self, rows: Sequence[Example]) -> Examples:
        """Lay these rows out."""
        return Examples(rows, self.layout(rows), self.model.device)

    @property
    def check(self) -> Callable[[], None]:
        """Raises `Halt` as soon as the job is asked to end."""
        return self.requests.check


def open_bench(
    settings: RunSettings, adapter: Path, control: Control
) -> Generator[Event, None, Bench]:
    """Load the base model, put the adapter on it, and open the way of training through both.

    Args:
        settings: Of the run; of a foreign adapter its model and how to compute.
        adapter: A PEFT or run folder.
        control: Where a stop will be asked for.

    Raises:
        UserError: There is no such model or adapter, they do not belong together, or the adapter
            has no factors that could be left out one by one.
        Halt: A stop was asked for.
    """
    requests = Requests(control)
    folder = yield from prepare(settings.model.source, control)
    requests.check()
    base_info, place = open_model(settings.model.source), find_adapter(adapter)
    spectra = adapter_spectra(place)
    check_base(spectra, base_info)
    yield Progress(phase="loading", message=f"Loading {base_info.name}")
    precision = choose_precision(settings.model.dtype, settings.model.attention_dtype)
    with out_of_memory_in_words():
        base = load_model(
            folder, settings.model, dtype=precision.dtype, device=str(precision.device)
        )
        base.requires_grad_(False)
        base.config.use_cache = False
        model = PeftModel.from_pretrained(base, str(place), is_trainable=True)
        shorten_products(model, settings.training.adapter_products)
        wanted = wanted_passage(model, settings, precision)
        passage = yield from open_passage(wanted, base_info.architecture.vocab_size)
        gauge = Gauge(model)
    if not gauge.parts:
        raise UserError(
            f"{spectra.adapter.name} has no B and A whose directions could be left out one by one.",
            "Convert it to LoRA first.",
        )
    return Bench(settings, folder, precision, spectra.adapter, passage, gauge, requests)


def rows_of(
    bench: Bench, data: DataSettings, rows: Rows, most: int
) -> Generator[Event, None, tuple[Sequence[Example], int]]:
    """Return up to `most` examples, drawn with a fixed seed, and how many there are in all.

    Raises:
        UserError: There are none, or the data cannot be read.
        Halt: A stop was asked for.
    """
    held_out = 0.0 if rows == "all" else data.held_out
    changed = data.model_copy(update={"held_out": held_out})
    settings = bench.settings.model_copy(update={"data": changed})
    found = yield from _without_notices(build_rows(settings, bench.folder, bench.requests))
    chosen = found.held_out if rows == "held-out" else found.train
    if not chosen:
        raise UserError(
            "No rows are held out, so that nothing tells how the adapter does on new ones.",
            "Name a file that it was not trained on, or train with data.held_out at 0.05.",
        )
    if len(chosen) <= most:
        return chosen, len(chosen)
    places = sorted(Random(_SEED).sample(range(len(chosen)), most))
    return [chosen[i] for i in places], len(chosen)


def _without_notices(events: Generator[Event, None, T]) -> Generator[Event, None, T]:
    """Pass progress on; what a training should know of its rows is no news here."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            found: T = end.value
            return found
        if isinstance(event, Progress):
            yield event
