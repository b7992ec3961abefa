"""What goes wrong ends in one clear message, and nothing is lost."""

import errno
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.events import AdapterProven, Event, RunEnded, StepDone
from core.run_folder import RunFolder
from core.training import loop, proof, start
from core.training.checkpoint import CheckpointStore, verify
from core.training.loss import Loss
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import (
    change_losses,
    ended,
    of,
    one_thread,
    quick_proof,
    run_all,
)

__all__ = ["one_thread", "quick_proof"]


def poison(monkeypatch: pytest.MonkeyPatch, micro_batch: int, value: float) -> None:
    """Multiply the loss of one micro-batch by `value`."""

    def poisoned(call: int, loss: Loss) -> Loss:
        factor = value if call == micro_batch else 1.0
        return Loss(loss.objective * factor, loss.cross_entropy * factor)

    change_losses(monkeypatch, poisoned)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("step", [1, 5])
def test_a_loss_that_is_no_number_stops_before_it_spoils_the_adapter(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, value: float, step: int
) -> None:
    poison(monkeypatch, step, value)
    run = make_run()
    events = run_all(run)
    last = ended(events)
    assert last.outcome == "failed"
    assert f"loss of step {step}" in last.message
    assert "Rows of this batch" in last.message
    assert last.hint
    assert len(of(StepDone, events)) == step - 1
    if step > 1:
        assert run.state().last == f"step-{step - 1:08d}"
        weights = load_file(run.checkpoints()[-1] / "adapter_model.safetensors")
        assert all(tensor.isfinite().all() for tensor in weights.values())


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        MemoryError(),
    ],
    ids=["cuda", "cpu", "driver", "cublas", "python"],
)
def test_an_exhausted_memory_is_said_in_words(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def exhausted(call: int, loss: Loss) -> Loss:
        if call >= 3:
            raise error
        return loss

    change_losses(monkeypatch, exhausted)
    run = make_run()
    last = ended(run_all(run))
    assert (last.outcome, last.message) == ("failed", "The device ran out of memory.")
    assert "4-bit" in last.hint
    assert run.state().last == "step-00000002"


@pytest.mark.usefixtures("quick_proof")
def test_a_full_disk_pauses_the_run(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run()
    save = CheckpointStore.save

    def full(self: CheckpointStore, step: int, *arguments: object) -> object:
        if step > 3:
            with monkeypatch.context() as patch:
                patch.setattr(os, "fsync", refuse)
                return save(self, step, *arguments)  # type: ignore[arg-type]
        return save(self, step, *arguments)  # type: ignore[arg-type]

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointStore, "save", full)
        last = ended(run_all(run))
    assert last.outcome == "paused"
    assert "No space left on device" in last.message
    assert "Free some space" in last.hint
    assert run.state().phase == "paused"
    assert verify(run.checkpoints()[-1]).step == 3
    assert ended(run_all(run, resume=True)).outcome == "finished"


@pytest.mark.usefixtures("quick_proof")
def test_a_disk_that_takes_no_events_pauses_the_run(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    append = type(run).append_event

    def full(self: object, event: Event, seq: int) -> None:
        if isinstance(event, StepDone | RunEnded) and getattr(event, "step", 0) >= 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, event, seq)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(type(run), "append_event", full)
        assert ended(run_all(run)).outcome == "paused"
    assert ended(run_all(run, resume=True)).outcome == "finished"


def test_a_disk_that_is_full_at_the_start_is_said_in_words(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run = make_run()
    monkeypatch.setattr(type(run), "write_state", full)
    last = ended(run_all(run))
    assert (last.outcome, last.adapter) == ("failed", "")
    assert "No space left on device" in last.message
    assert last.hint


@pytest.mark.usefixtures("quick_proof")
@pytest.mark.parametrize(
    "number", [errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EACCES, errno.ENOENT]
)
def test_a_drive_that_goes_away_pauses_the_run(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    run = make_run()
    append = type(run).append_event

    def gone(self: RunFolder, event: Event, seq: int) -> None:
        if isinstance(event, StepDone) and event.step == 5:
            raise OSError(number, os.strerror(number), str(self.events_file))
        append(self, event, seq)

    with monkeypatch.context() as patch:
        patch.setattr(type(run), "append_event", gone)
        last = ended(run_all(run))
    assert last.outcome == "paused"
    assert os.strerror(number) in last.message
    assert ended(run_all(run, resume=True)).outcome == "finished"


@pytest.mark.usefixtures("quick_proof")
def test_a_machine_without_nvml_trains(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "find_devices", list)
    run = make_run(training__steps=1, training__warmup=0)
    assert ended(run_all(run)).outcome == "finished"


@pytest.mark.usefixtures("quick_proof")
def test_a_listener_that_goes_away_leaves_an_interrupted_run(make_run: MakeRun) -> None:
    from core.control import Control

    run = make_run()
    events = loop.train(run, Control())
    for event in events:
        if isinstance(event, StepDone) and event.step == 3:
            break
    events.close()
    assert run.state().phase == "interrupted"
    assert list(run.events())[-1].outcome == "interrupted"  # type: ignore[attr-defined]
    assert ended(run_all(run, resume=True)).outcome == "finished"


@pytest.mark.usefixtures("quick_proof")
def test_a_listener_that_goes_away_at_the_end_changes_no_outcome(make_run: MakeRun) -> None:
    from core.control import Control

    run = make_run(training__steps=2, training__warmup=0)
    events = loop.train(run, Control())
    for event in events:
        if isinstance(event, RunEnded):
            break
    events.close()
    assert run.state().phase == "finished"
    assert sum(isinstance(event, RunEnded) for event in run.events()) == 1


def spoil_deliverable(adapter: Path, keep: int) -> None:
    """Set every lora_B but the first `keep` to zero."""
    file = adapter / "adapter_model.safetensors"
    tensors = load_file(file)
    names = [name for name in tensors if "lora_B" in name]
    for name in names[keep:]:
        tensors[name] = torch.zeros_like(tensors[name])
    save_file(tensors, file)


@pytest.mark.parametrize(
    ("keep", "message"),
    [(0, "The adapter changes nothing"), (12, "2 of 14 adapted modules learned nothing")],
)
def test_the_proof_fails_on_an_untrained_adapter(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, keep: int, message: str
) -> None:
    def spoil_then_examine(run: object, base: object, _: object) -> dict[str, object]:
        spoil_deliverable(run.adapter_dir, keep)  # type: ignore[attr-defined]
        return proof.examine(run, base)  # type: ignore[arg-type]

    monkeypatch.setattr(proof, "_ask_child", spoil_then_examine)
    run = make_run()
    events = run_all(run)
    assert ended(events).outcome == "failed"
    assert message in ended(events).message
    (proven,) = of(AdapterProven, events)
    assert len(proven.zero_modules) == 14 - keep
    assert run.adapter_dir.is_dir()


def test_the_adapter_is_a_peft_folder(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loaded by PEFT itself, its logits differ from the base's by what the proof says."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    monkeypatch.setattr(proof, "_ask_child", lambda run, base, _: proof.examine(run, base))
    run = make_run()
    events = run_all(run)
    (proven,) = of(AdapterProven, events)
    assert proven.zero_modules == []
    base = AutoModelForCausalLM.from_pretrained(run.settings.model.source, dtype=torch.float32)
    ids = torch.arange(20)[None]
    with torch.no_grad():
        plain = base(input_ids=ids).logits
        adapted = PeftModel.from_pretrained(base, str(run.adapter_dir))(input_ids=ids).logits
    assert (adapted - plain).abs().max() > 0
    card = (run.adapter_dir / "README.md").read_text()
    assert card.startswith("---\nbase_model: ")
    assert "the best checkpoint by validation loss" in card
