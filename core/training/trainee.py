"""Everything that a run trains with, built from its settings."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model

from core.adapters import ADAPTERS
from core.adapters.base import set_ranks
from core.data.encode import Example
from core.data.rows import load_rows
from core.data.split import split_rows
from core.data.table import Conversation
from core.data.token_cache import tokens_of
from core.errors import UserError
from core.events import Event, Notice, Progress
from core.models.info import ModelInfo
from core.models.load import load_model, load_tokenizer
from core.models.targets import own_ranks, resolve
from core.settings import RunSettings
from core.training.adapter_product import shorten_products
from core.training.attention import NAME
from core.training.checkpointing import checkpoint_blocks
from core.training.head import Head
from core.training.optimizers import build_optimizer
from core.training.passage import Passage
from core.training.precision import Precision
from core.training.requests import Requests
from core.training.start import Base


@dataclass
class Trainee:
    """A model with its adapter, the optimizer of the adapter, and the rows.

    Attributes:
        parameters: The trained parameters by name.
        train, held_out: Tokenised rows; every one has at least one trained token.
        asked: The sample questions in words, of the first held-out rows.
        base_name: What `adapter_config.json` will call the base model.
    """

    settings: RunSettings
    model: PeftModel
    optimizer: torch.optim.Optimizer
    parameters: dict[str, torch.nn.Parameter]
    train: Sequence[Example]
    held_out: Sequence[Example]
    asked: tuple[str, ...]
    pad_id: int
    precision: Precision
    base_name: str

    @property
    def trainable_parameters(self) -> int:
        """Number of trained parameters."""
        return sum(parameter.numel() for parameter in self.parameters.values())


@dataclass(frozen=True)
class Rows:
    """The tokenised rows of a run.

    Attributes:
        asked: What the first held-out rows ask, in words: the sample questions of the run.
    """

    train: Sequence[Example]
    held_out: Sequence[Example]
    asked: tuple[str, ...]
    pad_id: int


def build_rows(
    settings: RunSettings, folder: Path, requests: Requests
) -> Generator[Event, None, Rows]:
    """Read, split and tokenise the data.

    Raises:
        UserError: The data cannot be read, or no row has a trained token.
        Halt: A stop or a pause was asked for.
    """
    yield Progress(phase="tokenising", message="Reading the data")
    tokenizer = load_tokenizer(folder)
    table = load_rows(settings.data, requests.check)
    split = split_rows(table, settings.data, settings.training.seed)
    tokens = yield from tokens_of(table, tokenizer, settings.data, requests.check)
    length = settings.data.max_length
    train, held_out = (tokens.cut_to(length, rows) for rows in (split.train, split.held_out))
    yield from _about_rows(len(table), len(train), len(held_out))
    pad = tokenizer.pad_token_id
    sampled = islice(held_out, settings.training.samples)
    asked = tuple(_question(table.rows[example.row]) for example in sampled)
    return Rows(train, held_out, asked, 0 if pad is None else int(pad))  # masked by position anyway


def _question(row: Conversation) -> str:
    """Return the last thing that is said before the last answer; of a text row its beginning."""
    return row[-2].content if len(row) > 1 else row[0].content


def _about_rows(rows: int, train: int, held_out: int) -> Generator[Notice, None, None]:
    empty = rows - train - held_out
    if not train:
        raise UserError(
            "No row has a trained token.",
            "Either there are no answers, or data.max_length cuts the rows before they begin: "
            "`rankscope check` tells which.",
        )
    if empty:
        message = f"{empty} of {rows} rows are skipped: they have no trained token."
        hint = "`rankscope check` tells whether they have no answer or are cut before it."
        yield Notice(level="warning", message=message, hint=hint)
    if not held_out:
        message = "No rows are held out: there is no validation loss, and the last step counts."
        yield Notice(level="warning", message=message, hint="Set data.held_out to 0.05.")


def build_trainee(settings: RunSettings, base: Base, rows: Rows) -> Trainee:
    """Load the base model and put a fresh adapter and its optimizer on it."""
    frozen = load_model(
        base.folder, settings.model, dtype=base.precision.dtype, device=str(base.precision.device)
    )
    torch.manual_seed(settings.training.seed)
    model = attach_adapter(frozen, settings, base.info)
    parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
    return Trainee(
        settings=settings,
        model=model,
        optimizer=build_optimizer(model, settings.training),
        parameters=parameters,
        train=rows.train,
        held_out=rows.held_out,
        asked=rows.asked,
        pad_id=rows.pad_id,
        precision=base.precision,
        base_name=base.public_name,
    )


def attach_adapter(base: Any, settings: RunSettings, info: ModelInfo) -> PeftModel:
    """Freeze `base` and put the adapter of the settings on its targets; adapters are fp32.

    Norms and embeddings stay in the compute type: PEFT's k-bit preparation would raise them to
    fp32, which costs memory and changes nothing that is trained.
    """
    method = ADAPTERS[settings.adapter.method]
    names = list(resolve(settings.adapter.targets, info.grid))
    base.requires_grad_(False)
    base.config.use_cache = False
    config = method.peft_config(settings.adapter, names)
    set_ranks(config, settings.adapter, own_ranks(settings.adapter, info.grid))
    model = get_peft_model(base, config)
    shorten_products(model, settings.training.adapter_products)
    checkpoint_blocks(model, settings.training.gradient_checkpointing)
    model.train()
    return model


def wanted_passage(model: PeftModel, settings: RunSettings, precision: Precision) -> Passage:
    """Return the way to the loss that the settings ask for (see `core.training.passage`)."""
    packed = settings.training.packing and settings.model.attention != "eager"
    on_gpu = precision.device.type == "cuda"
    return Passage(
        model,
        NAME if packed else model.get_base_model().config._attn_implementation,
        Head.of(model.get_base_model()),
        precision.attention,
        flash=packed and on_gpu and precision.attention != torch.float32,
    )


def trained_tokens(examples: Sequence[Example]) -> int:
    """Return how many tokens of these rows give a loss."""
    return sum(example.trained_tokens for example in examples)
