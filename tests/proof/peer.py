"""The control of R2: the Trainer of transformers under the same kills, saving at every step."""

import contextlib
import copy
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

from tests.proof.harness import fork, kill, reap

GRACE_SECONDS = 1.5
"""A resume that still trains after that counts as a success, so failures are a lower bound."""
OK, FAILED = 0, 3
Train = Callable[[Path, bool], None]


def make_job() -> Train:
    """Return train(folder, resume) over one fixed base model and data set."""
    config = LlamaConfig(
        vocab_size=4096,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=64,
    )
    transformers.logging.set_verbosity_error()
    torch.manual_seed(0)
    base = LlamaForCausalLM(config)
    rows = torch.randint(0, 4096, (4000, 16), generator=torch.Generator().manual_seed(1))
    data = [{"input_ids": row, "labels": row} for row in rows]

    def train(folder: Path, resume: bool) -> None:
        torch.manual_seed(1)
        model = get_peft_model(copy.deepcopy(base), LoraConfig(r=64, target_modules="all-linear"))
        settings = TrainingArguments(
            str(folder),
            per_device_train_batch_size=1,
            max_steps=2000,
            logging_steps=1000,
            save_steps=1,
            save_total_limit=3,
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
        )
        Trainer(model, settings, train_dataset=data).train(resume_from_checkpoint=resume)

    return train


def train_and_kill(train: Train, folder: Path, dice: random.Random) -> bool:
    """Kill a training at a random time after its first checkpoint; return whether one is whole."""
    child = fork(lambda: _quietly(train, folder, resume=False))
    end = time.monotonic() + 60
    while not _complete(folder) and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(dice.random())
    kill(child)
    return _complete(folder)


def resumes(train: Train, folder: Path) -> bool:
    """Tell whether `train(resume_from_checkpoint=True)` goes on."""

    def work() -> None:
        watch = threading.Timer(GRACE_SECONDS, lambda: os._exit(OK))
        watch.start()
        try:
            _quietly(train, folder, resume=True)
        finally:
            os._exit(FAILED)

    return reap(fork(work)) == OK


def _complete(folder: Path) -> bool:
    """Whether any checkpoint is whole; trainer_state.json is the last file that is written."""
    return any(path.stat().st_size > 10 for path in folder.glob("checkpoint-*/trainer_state.json"))


def _quietly(train: Train, folder: Path, *, resume: bool) -> None:
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        train(folder, resume)
