"""From a GGUF file to a bf16 model folder; worker only, because transformers does the unpacking.

PEFT and bitsandbytes need a folder in the Hugging Face layout, whose weights are plain numbers. The
quantized blocks of the file are unpacked: the folder is larger, and no more exact, than the file.
"""

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from core.control import Control
from core.errors import UserError
from core.events import Progress

_UNPACKED_BY = "transformers.modeling_gguf_pytorch_utils.tqdm"
_TENSORS_END = 0.6  # share of the whole time after which all tensors are unpacked, measured
_TOKENIZER_END = 0.9

Report = Callable[[str, float], None]


class Cancelled(Exception):
    """Raised inside the conversion once somebody asked for its end."""


def convert_gguf(file: Path, folder: Path, control: Control) -> Generator[Progress, None, None]:
    """Unpack `file` into `folder`, yielding progress while a thread does the work.

    Raises:
        UserError: transformers cannot read this file, or a stop was asked for.
    """
    news: queue.Queue[tuple[str, float] | BaseException | None] = queue.Queue()

    def report(message: str, share: float) -> None:
        if control.request:
            raise Cancelled
        news.put((message, share))

    def work() -> None:
        try:
            _unpack(file, folder, report)
            news.put(None)
        except BaseException as error:  # noqa: BLE001 - handed to the other thread, raised there
            news.put(error)

    threading.Thread(target=work, name="convert", daemon=True).start()
    while (item := news.get()) is not None:
        if isinstance(item, BaseException):
            raise _in_words(item, file) from item
        yield Progress(phase="loading", message=item[0], share=item[1])


def _in_words(error: BaseException, file: Path) -> BaseException:
    if isinstance(error, Cancelled):
        return UserError(
            f"The conversion of {file.name} was cancelled.", "Start it again any time."
        )
    if isinstance(error, ValueError | KeyError | NotImplementedError | ImportError | RuntimeError):
        return UserError(
            f"transformers cannot unpack {file.name}: {error}",
            "Use the same model as a folder of safetensors files.",
        )
    if isinstance(error, OSError):
        return UserError(
            f"{file.name} could not be converted: {error}", "Is there room on the disk?"
        )
    return error


def _unpack(file: Path, folder: Path, report: Report) -> None:
    report(f"Reading {file.name}", 0.0)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    place = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    with _watched(lambda share: report("Unpacking the weights to bf16", share * _TENSORS_END)):
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
    model.config._name_or_path = ""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    report("Model folder written", 1.0)


@contextmanager
def _watched(report: Callable[[float], None]) -> Iterator[None]:
    """Report the share of unpacked tensors, which transformers shows to a terminal only."""

    def counted(items: Iterable[Any], **_: Any) -> Iterator[Any]:
        everything = list(items)
        for done, item in enumerate(everything):
            report(done / len(everything))
            yield item

    with patch(_UNPACKED_BY, counted):
        yield
