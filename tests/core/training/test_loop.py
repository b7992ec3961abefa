"""The loop against an independent one, and against itself."""

import json
from pathlib import Path

import pytest
import torch

from core.data.encode import encode_rows
from core.data.rows import load_rows
from core.data.split import split_rows
from core.events import (
    AdapterProven,
    CheckpointSaved,
    Evaluated,
    MemoryMeasured,
    RanksComputed,
    RunStarted,
    StepDone,
)
from core.models.load import load_tokenizer
from core.ranks import load_ranks
from core.run_folder import RunFolder
from core.settings import RunSettings
from core.training.schedule import learning_rate
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import (
    ended,
    ignored_warnings,
    losses,
    of,
    one_thread,
    quick_proof,
    run_all,
)

__all__ = ["one_thread", "quick_proof"]

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "tiny_losses.json"


def plain_losses(settings: RunSettings, model_folder: Path) -> list[float]:
    """Train with nothing but PEFT and PyTorch: one row at a time, every row unpadded."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from core.data.batches import Order

    table = load_rows(settings.data)
    rows = split_rows(table, settings.data, settings.training.seed).train
    examples = encode_rows(table, load_tokenizer(model_folder), settings.data, rows=rows)
    base = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    torch.manual_seed(settings.training.seed)
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(base, config).train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1.0, weight_decay=0.0)
    order = Order(len(examples), settings.training.seed)
    result = []
    for step in range(1, settings.training.steps + 1):
        batch = [examples[i] for i in order.take(settings.training.micro_batch)]
        tokens = sum(sum(example.trained) for example in batch)
        total = 0.0
        for example in batch:
            ids = torch.tensor([example.ids])
            logits = model(input_ids=ids).logits[0].log_softmax(-1)
            picked = [
                logits[t - 1, example.ids[t]] for t in range(len(example.ids)) if example.trained[t]
            ]
            loss = -torch.stack(picked).sum() / tokens
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(trained, settings.training.max_gradient_norm)
        optimizer.param_groups[0]["lr"] = learning_rate(step, settings.training)
        optimizer.step()
        optimizer.zero_grad()
        result.append(total)
    return result


@pytest.mark.usefixtures("quick_proof")
class TestLoop:
    def test_losses_equal_those_of_a_plain_loop(self, make_run: MakeRun, tiny_model: Path) -> None:
        run = make_run()
        with ignored_warnings():
            expected = plain_losses(run.settings, tiny_model)
        assert losses(run_all(run)) == pytest.approx(expected, abs=1e-5)

    def test_losses_are_golden(self, make_run: MakeRun) -> None:
        got = losses(run_all(make_run()))
        assert got == pytest.approx(json.loads(GOLDEN.read_text())["losses"], abs=2e-4)

    def test_the_same_seed_gives_the_same_numbers(self, make_run: MakeRun) -> None:
        first, second = (losses(run_all(make_run(name))) for name in ("a", "b"))
        assert first == second
        other = losses(run_all(make_run("c", training__seed=8)))
        assert other != first

    def test_accumulation_changes_only_the_memory(self, make_run: MakeRun) -> None:
        whole = losses(run_all(make_run("a", training__micro_batch=8)))
        parts = make_run("b", training__micro_batch=2, training__accumulation=4)
        assert losses(run_all(parts)) == pytest.approx(whole, abs=1e-6)

    def test_gradient_checkpointing_changes_only_the_memory(self, make_run: MakeRun) -> None:
        plain = losses(run_all(make_run("a")))
        spared = losses(run_all(make_run("b", training__gradient_checkpointing=True)))
        assert spared == pytest.approx(plain, abs=1e-6)

    def test_events_tell_the_whole_story(self, make_run: MakeRun) -> None:
        run = make_run()
        events = run_all(run)
        (started,) = of(RunStarted, events)
        assert (started.first_step, started.total_steps) == (0, 6)
        assert started.trainable_parameters == 4096
        assert [e.step for e in of(StepDone, events)] == [1, 2, 3, 4, 5, 6]
        assert [e.step for e in of(Evaluated, events)] == [0, 2, 4, 6]
        assert [e.step for e in of(RanksComputed, events)] == [0, 2, 4, 6]
        assert {3, 6} <= {e.step for e in of(CheckpointSaved, events)}
        assert of(MemoryMeasured, events)[0].measured_bytes > 0
        assert ended(events).outcome == "finished"
        assert ended(events).adapter == str(run.adapter_dir)

    def test_the_file_holds_the_same_events(self, make_run: MakeRun) -> None:
        run = make_run()
        assert run_all(run) == list(run.events())
        numbers = [json.loads(line)["seq"] for line in run.events_file.read_text().splitlines()]
        assert numbers == sorted(set(numbers))

    def test_the_state_sums_it_up(self, make_run: MakeRun) -> None:
        run = make_run()
        evaluations = of(Evaluated, run_all(run))
        state = run.state()
        assert (state.phase, state.step, state.last) == ("finished", 6, "step-00000006")
        best = min(evaluations[1:], key=lambda event: event.loss)
        assert state.first_loss == evaluations[0].loss
        assert (state.best_loss, state.best) == (best.loss, f"step-{best.step:08d}")
        assert state.measured_bytes > 0
        assert state.predicted_bytes > 0

    def test_spectra_grow_from_zero(self, make_run: MakeRun) -> None:
        run = make_run()
        paths = [event.path for event in of(RanksComputed, run_all(run))]
        first, last = (load_ranks(Path(path)) for path in (paths[0], paths[-1]))
        assert all(module.singular_values[0] == 0 for module in first.modules)
        assert all(module.singular_values[0] > 0 for module in last.modules)

    def test_run_toml_records_what_it_was_made_with(self, make_run: MakeRun) -> None:
        run = make_run()
        run_all(run)
        text = run.settings_file.read_text()
        assert "[software]" in text
        assert f'torch = "{torch.__version__.split("+")[0]}' in text
        assert "base_sha256" in text

    @pytest.mark.parametrize("method", ["lora", "rslora", "dora"])
    def test_every_method_learns(self, make_run: MakeRun, method: str) -> None:
        run = make_run(adapter__method=method, training__steps=12)
        events = run_all(run)
        assert ended(events).outcome == "finished"
        evaluations = of(Evaluated, events)
        assert min(e.loss for e in evaluations[1:]) < evaluations[0].loss

    @pytest.mark.parametrize("optimizer", ["adamw", "adamw8bit", "lion", "adafactor", "sgd"])
    def test_every_optimizer_steps(self, make_run: MakeRun, optimizer: str) -> None:
        events = run_all(make_run(training__optimizer=optimizer))
        assert losses(events)[-1] != losses(events)[0]

    def test_without_held_out_rows_the_last_step_counts(self, make_run: MakeRun) -> None:
        run = make_run(data__held_out=0.0)
        events = run_all(run)
        assert not of(Evaluated, events)
        assert ended(events).outcome == "finished"
        assert "step 6, the end" in (run.adapter_dir / "README.md").read_text()

    def test_half_precision_learns_too(self, make_run: MakeRun) -> None:
        for dtype in ("bf16", "fp16"):
            events = run_all(make_run(dtype, model__dtype=dtype))
            assert ended(events).outcome == "finished"
            assert dtype in of(RunStarted, events)[0].precision


def test_nf4_with_double_quantization_trains_on_the_cpu(make_run: MakeRun) -> None:
    run: RunFolder = make_run(model__bits=4, model__dtype="bf16", training__steps=8)
    events = run_all(run)
    assert ended(events).outcome == "finished", ended(events)
    evaluations = of(Evaluated, events)
    assert min(e.loss for e in evaluations[1:]) < evaluations[0].loss
    (proven,) = of(AdapterProven, events)
    assert proven.modules == 14
    assert proven.zero_modules == []
    assert proven.logit_difference > 0
