"""From a GGUF file to a bf16 model folder; worker only, because transformers does the unpacking.

PEFT and bitsandbytes need a folder in the Hugging Face layout, whose weights are plain numbers. The
quantized blocks of the file are unpacked: the folder is larger, and no more exact, than the file.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from safetensors import SafetensorError

from core.control import Control
from core.errors import UserError
from core.events import Progress
from core.models.reporting import Cancelled, Report, run_reporting

_UNPACKED_BY = "transformers.modeling_gguf_pytorch_utils.tqdm"
_READER = "gguf.GGUFReader"
# Shares of the whole time after which a part is done, measured with the starter model.
_HEADER_END, _TENSORS_END, _TOKENIZER_END = 0.5, 0.75, 0.95


def convert_gguf(file: Path, folder: Path, control: Control) -> Generator[Progress, None, None]:
    """Unpack `file` into the empty `folder`.

    Raises:
        UserError: transformers cannot read this file, the disk is full, or a stop was asked for.
    """
    try:
        yield from run_reporting(lambda report: _unpack(file, folder, report), control)
    except Cancelled:
        raise UserError(
            f"The conversion of {file.name} was cancelled.", "Start it again any time."
        ) from None
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{file.name} could not be converted: {error}", "Is there room on the disk?"
        ) from error
    except (ValueError, KeyError, NotImplementedError, ImportError, RuntimeError) as error:
        raise UserError(
            f"transformers cannot unpack {file.name}: {error}",
            "Use the same model as a folder of safetensors files.",
        ) from error


def _unpack(file: Path, folder: Path, report: Report) -> None:
    report(f"Reading {file.name}", 0.0)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # a bar of its own would tear ours on a terminal
    place = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    with _watched(report), _read_once():
        model = AutoModelForCausalLM.from_pretrained(
            **place,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.bfloat16,
            attn_implementation="sdpa",
            trust_remote_code=False,
            local_files_only=True,
        )
        report("Reading the tokenizer", _TENSORS_END)
        tokenizer = AutoTokenizer.from_pretrained(
            **place, trust_remote_code=False, local_files_only=True
        )
    report("Writing the model folder", _TOKENIZER_END)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    report("Model folder written", 1.0)


@contextmanager
def _watched(report: Report) -> Iterator[None]:
    """Report the share of unpacked tensors, which transformers shows to a terminal only."""

    def counted(items: Iterable[Any], **_: Any) -> Iterator[Any]:
        everything = list(items)
        for done, item in enumerate(everything):
            share = _HEADER_END + done / len(everything) * (_TENSORS_END - _HEADER_END)
            report("Unpacking the weights to bf16", share)
            yield item

    with patch(_UNPACKED_BY, counted):
        yield


@contextmanager
def _read_once() -> Iterator[None]:
    """Parse the file once: transformers does it for configuration, weights and tokenizer."""
    import gguf

    with patch(_READER, lru_cache(maxsize=1)(gguf.GGUFReader)):
        yield
