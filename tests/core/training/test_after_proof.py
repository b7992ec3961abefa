"""What a loaded adapter is asked after the run, on the tiny model."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from transformers import AutoModelForCausalLM, AutoTokenizer

from core.settings import RunSettings
from core.training.after_proof import (
    answers_that_stop,
    general_losses,
    template_verdict,
    tensors_that_match,
)


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


class Fixed:
    """A speaker whose answers end as the test says."""

    def __init__(self, *stops: str) -> None:
        self.stops = iter(stops)
        self.most: list[int] = []

    def answer(self, _row: Any, side: str, sampling: Any, _control: Any) -> Any:
        from core.events import Answer

        assert side == "adapter"
        self.most.append(sampling.max_tokens)
        yield Answer(speaker=side, text="a", tokens=1, tokens_per_second=1.0)
        stop = next(self.stops)
        yield Answer(speaker=side, text="", tokens=1, tokens_per_second=1.0, stop=stop)


def test_answers_that_end_by_themselves_are_counted(
    model: PeftModel,
    tokenizer: Any,
    tiny_settings: RunSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    speaker = Fixed("end", "length", "end", "end", "length")
    monkeypatch.setattr("core.training.after_proof.Speaker", lambda *_, **__: speaker)
    found = answers_that_stop(model, tokenizer, tiny_settings)
    assert found == {"asked": 5, "stopped": 3}
    assert all(32 <= most <= 256 for most in speaker.most)


def test_an_untrained_model_runs_on(
    model: PeftModel, tokenizer: Any, tiny_settings: RunSettings
) -> None:
    found = answers_that_stop(model, tokenizer, tiny_settings)
    assert found["asked"] == 5
    assert 0 <= found["stopped"] <= 5


def test_plain_text_asks_nothing(
    model: PeftModel, tokenizer: Any, tiny_settings: RunSettings, tmp_path: Path
) -> None:
    (tmp_path / "text.jsonl").write_text('{"text": "Once."}\n{"text": "Twice."}\n')
    settings = tiny_settings.with_changes({"data.path": str(tmp_path / "text.jsonl")})
    assert answers_that_stop(model, tokenizer, settings) == {"asked": 0, "stopped": 0}


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
