"""The proof that an adapter does something, in a process that has seen none of the training.

`python -m core.training.proof RUN BASE` loads the base model and the deliverable of a run from
the disk and prints one JSON line. It fails where an adapter fails in practice: saved before it
was trained, saved without its weights, or saved under names that its base does not know.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import torch

from core.errors import UserError
from core.events import AdapterProven, Event, Notice, Progress
from core.run_folder import RunFolder
from core.training.measure import free_memory
from core.training.snapshot import WEIGHTS

_PROBE = "Rank is what a small matrix can say about a large one. What does this word mean: light?"
_NAMED = 3
_POLL_SECONDS = 0.1


def prove(run: RunFolder, base: Path, given_up: Callable[[], bool]) -> Generator[Event, None, None]:
    """Load the deliverable in a fresh process and yield `AdapterProven`.

    The proof ends with a notice as soon as `given_up` says so; the run is done all the same.

    Raises:
        UserError: The adapter does nothing, or cannot be loaded.
    """
    yield Progress(phase="proving", message="Loading the adapter in a fresh process")
    free_memory()
    result = _ask_child(run, base, given_up)
    if result is None:
        yield Notice(level="warning", message="The proof of the adapter was not waited for.")
        return
    proven = AdapterProven(**result)
    yield proven
    if proven.lost:
        raise UserError(
            f"{len(proven.lost)} tensors of the adapter did not come back as they were saved "
            f"({', '.join(proven.lost[:_NAMED])}).",
            "The checkpoints are safe: resume the run to write the adapter once more.",
        )
    if proven.logit_difference == 0.0 or len(proven.zero_modules) == proven.modules:
        raise UserError(
            "The adapter changes nothing: the model answers the same with and without it.",
            "Train longer or with a higher learning rate.",
        )
    if proven.zero_modules:
        names = ", ".join(proven.zero_modules[:_NAMED])
        raise UserError(
            f"{len(proven.zero_modules)} of {proven.modules} adapted modules learned nothing "
            f"({names}, …).",
            "They get no gradient: leave them out of the target layers.",
        )


def examine(run: RunFolder, base: Path) -> dict[str, Any]:
    """Return the fields of `AdapterProven` for the deliverable of `run`."""
    from peft import PeftModel
    from safetensors.torch import load_file

    from core.models.load import load_model, load_tokenizer
    from core.training.after_proof import (
        answers_that_stop,
        general_losses,
        template_verdict,
        tensors_that_match,
    )
    from core.training.precision import choose_precision
    from core.training.questions import kept_questions

    tensors = load_file(run.adapter_dir / WEIGHTS)
    zero = [name for name, b in tensors.items() if "lora_B" in name and not b.count_nonzero()]
    settings = run.settings
    precision = choose_precision(settings.model.dtype)
    tokenizer = load_tokenizer(base)
    ids = tokenizer(_PROBE, return_tensors="pt")["input_ids"].to(precision.device)
    model = load_model(base, settings.model, dtype=precision.dtype, device=str(precision.device))
    model = PeftModel.from_pretrained(model, str(run.adapter_dir)).eval()
    with torch.no_grad():
        adapted = model(input_ids=ids).logits.float()
        with model.disable_adapter():
            plain = model(input_ids=ids).logits.float()
    return {
        "modules": sum("lora_B" in name for name in tensors),
        "zero_modules": [
            name.split(".lora_B")[0].removeprefix("base_model.model.") for name in zero
        ],
        "logit_difference": float((adapted - plain).abs().max()),
        **tensors_that_match(model, tensors),
        **answers_that_stop(model, tokenizer, kept_questions(run)),
        **template_verdict(run.adapter_dir, tokenizer),
        **general_losses(model, tokenizer),
    }


def _ask_child(run: RunFolder, base: Path, given_up: Callable[[], bool]) -> dict[str, Any] | None:
    """Return what the fresh process found, None if it was not waited for."""
    command = [sys.executable, "-m", "core.training.proof", str(run.path), str(base)]
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1"}
    with run.log_file.open("ab") as log:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
    try:
        while child.poll() is None:
            if given_up():
                return None
            time.sleep(_POLL_SECONDS)
        answer = child.communicate()[0]
    finally:
        child.kill()
        child.wait()
    if child.returncode:
        raise UserError(
            "The adapter could not be loaded in a fresh process.",
            "The checkpoints are safe; the details say why.",
            details=run.log_tail(),
        )
    result: dict[str, Any] = json.loads(answer.splitlines()[-1])
    return result


def main() -> None:
    """Examine the run and the base model that the command line names."""
    run, base = (Path(argument) for argument in sys.argv[1:3])
    sys.stdout.write(json.dumps(examine(RunFolder.open(run), base)) + "\n")


if __name__ == "__main__":
    main()
