"""The same by other means: full matrices in a stock model, one row at a time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from core.control import Control
from core.data.encode import Example
from core.data.rows import load_rows
from core.data.split import split_rows
from core.data.token_cache import tokens_of
from core.models.load import load_tokenizer
from core.run_folder import RunFolder

Deltas = dict[str, np.ndarray]


def dense_updates(run: RunFolder) -> Deltas:
    """ΔW of every module as a full matrix, from the file."""
    from safetensors.numpy import load_file

    tensors = load_file(run.adapter_dir / "adapter_model.safetensors")
    adapter = run.settings.adapter
    scaling = adapter.alpha / adapter.rank  # type: ignore[attr-defined]
    found = {}
    for key, b in tensors.items():
        if key.endswith("lora_B.weight"):
            a = tensors[key.replace("lora_B", "lora_A")].astype(np.float64)
            name = key.removeprefix("base_model.model.").removesuffix(".lora_B.weight")
            found[name] = scaling * b.astype(np.float64) @ a
    return found


def truncated(delta: np.ndarray, rank: int) -> np.ndarray:
    u, sigma, vt = np.linalg.svd(delta, full_matrices=False)
    return np.asarray((u[:, :rank] * sigma[:rank]) @ vt[:rank])


def merged_model(run: RunFolder, deltas: Deltas) -> torch.nn.Module:
    """A stock model in float64 whose matrices are W₀+ΔW."""
    source = run.settings.model.source
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float64)
    with torch.no_grad():
        for name, delta in deltas.items():
            model.get_submodule(name).weight += torch.from_numpy(delta)
    return model.eval()


def rows_of_run(run: RunFolder, held_out: bool) -> list[Example]:
    """The tokenised rows on one side of the split."""
    settings = run.settings
    table = load_rows(settings.data)
    split = split_rows(table, settings.data, settings.training.seed)
    steps = tokens_of(table, load_tokenizer(Path(settings.model.source)), settings.data, _idle)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            chosen = split.held_out if held_out else split.train
            return list(end.value.cut_to(settings.data.max_length, chosen))


def loss_of(model: Callable[..., object], row: Example) -> torch.Tensor:
    """The summed cross-entropy over the trained tokens of one row."""
    ids = torch.tensor([row.ids])
    logits = model(input_ids=ids).logits[0, :-1]  # type: ignore[attr-defined]
    losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
    return losses[torch.tensor(row.trained[1:])].sum()


def _idle() -> None:
    Control()
