"""Sample answers and early stopping: what is looked at between steps never touches the steps."""

import pytest
import torch

from core.events import Evaluated, Notice, Progress, Sampled, StepDone
from core.training import exam
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import ended, losses, of, one_thread, quick_proof, run_all

__all__ = ["one_thread", "quick_proof"]

pytestmark = pytest.mark.usefixtures("quick_proof")


def test_the_same_questions_are_answered_at_every_evaluation(make_run: MakeRun) -> None:
    plain = losses(run_all(make_run("plain", adapter__dropout=0.1)))
    asked = {"training__samples": 2, "training__sample_tokens": 4, "adapter__dropout": 0.1}
    run = make_run("asked", **asked)
    events = run_all(run)
    assert losses(events) == plain, "to the bit, dropout and all"
    sampled = of(Sampled, events)
    assert [event.step for event in sampled] == [0, 2, 4, 6]
    for event in sampled:
        assert [s["prompt"] for s in event.samples] == [s["prompt"] for s in sampled[0].samples]
    first = sampled[0].samples[0]
    assert first["prompt"].startswith("Define the word")
    assert first["wanted"].startswith("A ")
    assert first["wanted"] not in first["prompt"]


def test_answers_are_the_likeliest_of_the_stock_stack(make_run: MakeRun) -> None:
    """Of the base model alone: B is zero before the first step."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run = make_run(training__samples=1, training__sample_tokens=6, training__steps=1,
                   training__warmup=0)  # fmt: skip
    sample = of(Sampled, run_all(run))[0].samples[0]
    source = run.settings.model.source
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    word = sample["prompt"]
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": word}], add_generation_prompt=True, return_tensors="pt"
    )["input_ids"]
    for _ in range(6):
        best = model(input_ids=ids).logits[0, -1].argmax()
        ids = torch.cat([ids, best[None, None]], 1)
    answer = tokenizer.decode(ids[0, -6:], skip_special_tokens=True).strip()
    assert answer.startswith(sample["answer"])


def test_a_stop_is_obeyed_in_the_middle_of_an_answer(make_run: MakeRun) -> None:
    def listen(event: object, control: object) -> None:
        if isinstance(event, Progress) and event.message.startswith("Answering"):
            control.stop()  # type: ignore[attr-defined]

    events = run_all(make_run(training__samples=2), on_event=listen)
    assert ended(events).outcome == "stopped"
    assert not of(StepDone, events)


def test_a_run_that_no_longer_gets_better_finishes(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = iter([5.0, 4.0, 3.0, 3.5, 3.4, 3.3, 2.0])

    def scripted(*_: object) -> object:
        yield Progress(phase="evaluating", message="")
        return next(course)

    monkeypatch.setattr(exam, "evaluate", scripted)
    run = make_run(training__early_stopping=3, training__steps=30, training__evaluate_every=2)
    events = run_all(run)
    assert ended(events).outcome == "finished"
    assert [event.step for event in of(Evaluated, events)] == [0, 2, 4, 6, 8, 10]
    assert len(of(StepDone, events)) == 10
    assert any("since step 4" in notice.message for notice in of(Notice, events))
    assert run.state().best == "step-00000004"
    assert "step 4, the best" in (run.adapter_dir / "README.md").read_text()


def test_a_model_that_cannot_answer_trains_all_the_same(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> object:
        raise TypeError("no cache here")
        yield

    monkeypatch.setattr(exam, "ask", refuse)
    events = run_all(make_run(training__samples=2))
    assert ended(events).outcome == "finished"
    notices = [n.message for n in of(Notice, events) if "sample answers" in n.message]
    assert notices == ["There are no sample answers from here on: no cache here"]


def test_a_validation_loss_that_stays_behind_its_best_is_told_once(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = iter([5.0, 4.0, 3.0, 3.5, 3.4, 3.3, 3.2, 3.1])

    def scripted(*_: object) -> object:
        yield Progress(phase="evaluating", message="")
        return next(course)

    monkeypatch.setattr(exam, "evaluate", scripted)
    events = run_all(make_run(training__steps=14, training__evaluate_every=2))
    told = [notice for notice in of(Notice, events) if notice.guard == "R6"]
    assert len(told) == 1
    assert "worse than at step 4 for 3 evaluations" in told[0].message
    place = events.index(told[0])
    assert of(Evaluated, events[:place])[-1].step == 10
