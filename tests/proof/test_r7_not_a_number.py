"""R7: a number that is none, anywhere and at any step; the Trainer of transformers beside it."""

from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.data.encode import encode_rows
from core.data.rows import load_rows
from core.events import StepDone
from core.models.load import load_tokenizer
from core.run_folder import RunFolder
from core.settings import RunSettings
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import ended, ignored_warnings, of, run_all
from tests.core.training.faults import ADAPTED, KINDS, NORM, Fault, broken
from tests.proof.harness import Report, short_and_full

pytestmark = pytest.mark.usefixtures("quick_proof")

LAST = 12
NAMED = {
    "activation": ADAPTED,
    "gradient": ADAPTED,
    "gradient of a row": NORM,
    "weight": f"{ADAPTED}.lora_B",
    "update": f"{ADAPTED}.lora_A",
    "frozen weight": f"{ADAPTED}.base_layer.weight",
}
"""What the message has to name, per kind of fault; a loss that is bad by itself has no module."""
OF_A_ROW = ("loss", "activation", "gradient of a row")
WAYS: tuple[dict[str, Any], ...] = (
    {"adapter__method": "lora", "model__dtype": "fp32", "training__packing": True},
    {
        "adapter__method": "dora",
        "model__dtype": "bf16",
        "training__packing": False,
        "training__gradient_checkpointing": True,
    },
)
CASES = [(kind, step, way) for kind in KINDS for step in (1, 10, LAST) for way in WAYS]


def is_finite(run: RunFolder) -> bool:
    """Whether all that was saved is finite."""
    files = run.path.glob("**/*.safetensors")
    return all(bool(t.isfinite().all()) for file in files for t in load_file(file).values())


def what_is_wrong(run: RunFolder, fault: Fault, patch: pytest.MonkeyPatch) -> list[str]:
    """Train with the fault, and return in what the end differs from what it should be."""
    with broken(patch, fault):
        events = run_all(run)
    last, steps = ended(events), len(of(StepDone, events))
    checks = {
        "not stopped in its step": (last.outcome, steps) == ("failed", fault.step - 1),
        "spoilt files": is_finite(run),
        "module not named": NAMED.get(fault.kind, "") in last.message,
        "row not named": fault.kind not in OF_A_ROW or f"row {fault.row}." in last.message,
    }
    wrong = [words for words, good in checks.items() if not good]
    return [f"{fault.kind} at {fault.step}: {', '.join(wrong)} ({last.message})"] if wrong else []


class Stock:
    """peft and the Trainer of transformers, one row at a time."""

    def __init__(self, settings: RunSettings, folder: str) -> None:
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        source = settings.model.source
        base = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
        self.model = get_peft_model(base, LoraConfig(r=4, target_modules="all-linear"))
        self._folder = folder
        examples = encode_rows(load_rows(settings.data), load_tokenizer(source), settings.data)
        self._rows = [{"input_ids": list(e.ids), "labels": list(e.ids)} for e in examples]

    def train(self, fault_at: int) -> int:
        """Train with a bad activation from a step on; return after how many steps it ended."""
        from transformers import Trainer, TrainingArguments

        fault = Fault("activation", fault_at)

        def spoil(_module: object, _inputs: object, output: torch.Tensor) -> torch.Tensor:
            fault.now += 1
            return output.index_fill(1, torch.tensor([2]), fault.value) if fault.there else output

        self.model.get_submodule(f"base_model.model.{ADAPTED}").register_forward_hook(spoil)
        arguments = TrainingArguments(
            self._folder, max_steps=LAST, per_device_train_batch_size=1, report_to=[],
            save_strategy="no", disable_tqdm=True, use_cpu=True,
        )  # fmt: skip
        trainer = Trainer(self.model, arguments, train_dataset=self._rows, data_collator=_alone)
        trainer.train()
        return int(trainer.state.global_step)

    @property
    def spoilt(self) -> tuple[int, int]:
        """How many tensors of the adapter are not finite, and how many there are."""
        tensors = [p for p in self.model.parameters() if p.requires_grad]
        return sum(not bool(t.isfinite().all()) for t in tensors), len(tensors)


def _alone(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    return {name: torch.tensor([rows[0][name]]) for name in rows[0]}


@short_and_full("cases", [(kind, 4, WAYS[i % 2]) for i, kind in enumerate(KINDS)], CASES)
def test_r7(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, report: Report, cases: list[Any]
) -> None:
    failures = []
    for number, (kind, step, way) in enumerate(cases):
        run = make_run(f"run-{number}", training__steps=LAST, training__accumulation=2, **way)
        failures += what_is_wrong(run, Fault(kind, step), monkeypatch)
    words = "stopped within its step; all saved files finite; row and module named"
    report.claim("R7", failures, len(cases), words)


@pytest.mark.slow
def test_r7_control(make_run: MakeRun, report: Report) -> None:
    run = make_run()
    with ignored_warnings():
        stock = Stock(run.settings, str(run.path / "stock"))
        steps = stock.train(fault_at=10)
    bad, tensors = stock.spoilt
    detail = f"Trainer, NaN from step 10 on: {steps} of {LAST} steps, {bad} of {tensors} spoilt"
    report.note("R7-control", tensors - bad, tensors, detail)
    assert steps == LAST
