"""What the embeddings of a model tell about the markers of its chat template; worker only."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.models.weights import weight_files

MARKER = re.compile(r"<\|[^<>|]+\|>|<｜[^<>｜]+｜>|<(?:start|end)_of_turn>")
"""How templates write the borders of a turn: ChatML and Llama 3, DeepSeek, Gemma."""
_TABLE = re.compile(r"(embed_tokens|wte|embed_in|word_embeddings)\.weight$")
_UNTRAINED = 0.01
"""Norm of a row beside the median: Llama 3's base has zeros for the markers of a chat."""
_SAMPLE = 512


def split_markers(tokenizer: Any, template: str) -> Iterator[tuple[str, int]]:
    """Yield the markers in the template that the tokenizer does not know as one token."""
    for marker in dict.fromkeys(MARKER.findall(template)):
        pieces = len(tokenizer.encode(marker, add_special_tokens=False))
        if pieces > 1:
            yield marker, pieces


def untrained_markers(tokenizer: Any, template: str, folder: Path) -> Iterator[str]:
    """Yield the markers whose embedding was never trained; none where it cannot be read.

    The row of the padding token is left out: it gets no gradient in any training.
    """
    vocabulary = tokenizer.get_vocab()
    markers = dict.fromkeys(MARKER.findall(template))
    ids = {marker: vocabulary[marker] for marker in markers if marker in vocabulary}
    ids = {marker: i for marker, i in ids.items() if i != tokenizer.pad_token_id}
    found = _norms(folder, list(ids.values())) if ids else None
    if found is None:
        return
    norms, usual = found
    for marker, number in ids.items():
        if norms.get(number, usual) < _UNTRAINED * usual:
            yield marker


def _norms(folder: Path, ids: Sequence[int]) -> tuple[dict[int, float], float] | None:
    """Return the norms of these rows of the embedding by id, and the median of the first rows."""
    from safetensors import safe_open

    for file in weight_files(folder):
        with safe_open(file, framework="pt") as tensors:
            name = next(filter(_TABLE.search, tensors.keys()), None)
            if name is not None:
                table = tensors.get_slice(name)
                usual = float(table[:_SAMPLE].float().norm(dim=1).median())
                known = [i for i in ids if i < table.get_shape()[0]]
                return {i: float(table[i : i + 1].float().norm()) for i in known}, usual
    return None
