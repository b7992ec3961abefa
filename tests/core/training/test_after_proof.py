"""What a loaded adapter is asked after the run, on the tiny model."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from transformers import AutoModelForCausalLM, AutoTokenizer

from core.data.encode import Example
from core.training.after_proof import (
    answers_that_stop,
    general_losses,
    template_verdict,
    tensors_that_match,
)
from core.training.questions import Asked, keep_questions, kept_questions
from tests.core.training.conftest import MakeRun


@pytest.fixture
def tokenizer(tiny_model: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.fixture
def model(tiny_model: Path) -> PeftModel:
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    config = LoraConfig(r=4, target_modules=["q_proj"], init_lora_weights=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return get_peft_model(base, config).eval()


def saved(model: PeftModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in get_peft_model_state_dict(model).items()}


def test_tensors_that_came_back_match(model: PeftModel) -> None:
    assert tensors_that_match(model, saved(model)) == {"matched": 4, "lost": []}


def test_tensors_that_are_missing_renamed_or_changed_are_lost(model: PeftModel) -> None:
    tensors = saved(model)
    first, second, *_ = tensors
    tensors[first][0, 0] += 1
    renamed = tensors.pop(second)
    tensors["elsewhere.lora_A.weight"] = renamed
    found = tensors_that_match(model, tensors)
    assert set(found["lost"]) == {first, "elsewhere.lora_A.weight", second}
    assert found["matched"] == 2


def test_answers_that_end_by_themselves_are_counted(
    model: PeftModel, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, most = tokenizer.eos_token_id, []
    endings = iter([end, 5, end, end, 5])

    def generate(_: Any, *, input_ids: torch.Tensor, max_new_tokens: int, **__: Any) -> Any:
        most.append(max_new_tokens)
        return torch.cat([input_ids, torch.tensor([[7, next(endings)]])], 1)

    monkeypatch.setattr(PeftModel, "generate", generate)
    questions = [Asked((1, 2, 3), wanted) for wanted in (1, 40, 90, 500, 9)]
    found = answers_that_stop(model, tokenizer, questions)
    assert found == {"asked": 5, "stopped": 3}
    assert most == [32, 80, 180, 256, 32]


def test_an_untrained_model_is_asked_for_real(model: PeftModel, tokenizer: Any) -> None:
    found = answers_that_stop(model, tokenizer, [Asked((1, 2, 3), 4)])
    assert found["asked"] == 1
    assert found["stopped"] in (0, 1)


def test_a_model_that_cannot_answer_is_not_asked(
    model: PeftModel, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("no generation")

    monkeypatch.setattr(PeftModel, "generate", refuse)
    found = answers_that_stop(model, tokenizer, [Asked((1, 2, 3), 4)])
    assert found == {"asked": 0, "stopped": 0}


def row(ids: int, trained_from: int) -> Example:
    trained = tuple(i >= trained_from for i in range(ids))
    return Example(ids=tuple(range(ids)), trained=trained, row=0)


def test_questions_are_kept_with_the_run(make_run: MakeRun) -> None:
    run = make_run()
    assert kept_questions(run) == []
    keep_questions(run, [row(9, 1), *(row(9 + i, 4) for i in range(7))])
    kept = kept_questions(run)
    assert [asked.wanted for asked in kept] == [5, 6, 7, 8, 9]
    assert kept[0].ids == (0, 1, 2, 3)
    run.questions_file.write_text("{")
    assert kept_questions(run) == []


def test_the_template_beside_the_adapter_is_compared(tokenizer: Any, tmp_path: Path) -> None:
    assert template_verdict(tmp_path, tokenizer) == {"template": ""}
    file = tmp_path / "chat_template.jinja"
    file.write_text(tokenizer.chat_template)
    assert template_verdict(tmp_path, tokenizer) == {"template": "same"}
    file.write_text(tokenizer.chat_template + "!")
    assert template_verdict(tmp_path, tokenizer) == {"template": "other"}


def test_general_text_is_measured_with_and_without_the_adapter(
    model: PeftModel, tokenizer: Any
) -> None:
    found = general_losses(model, tokenizer)
    vocabulary = torch.tensor(float(len(tokenizer)))
    assert found["general_before"] == pytest.approx(float(vocabulary.log()), abs=0.2)
    assert found["general_after"] != found["general_before"]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.zero_()
    again = general_losses(model, tokenizer)
    assert again["general_after"] == again["general_before"] == found["general_before"]
