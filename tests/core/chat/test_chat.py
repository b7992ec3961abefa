"""Answers of the base and of the adapter, from one loaded model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.control import Control
from core.errors import UserError
from core.events import Answer, Progress
from core.jobs.chat import Chat, ChatRequest

Ask = Callable[..., list[Answer]]


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter with large random weights: it must change every answer."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("adapters") / "wild"
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    config = LoraConfig(
        r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False
    )
    torch.manual_seed(0)
    get_peft_model(base, config).save_pretrained(str(folder))
    return folder


@pytest.fixture
def ask(tiny_model: Path, adapter: Path) -> Ask:
    job = Chat()

    def answers(control: Control | None = None, **changes: Any) -> list[Answer]:
        request = {
            "source": str(tiny_model),
            "adapter": str(adapter),
            "messages": [{"role": "user", "content": "What is a cat?"}],
            "max_tokens": 12,
            **changes,
        }
        events = job.run(ChatRequest.model_validate(request), control or Control())
        return [event for event in events if isinstance(event, Answer)]

    return answers


def text_of(pieces: list[Answer], side: str) -> str:
    return "".join(piece.text for piece in pieces if piece.speaker == side)


def test_both_sides_answer_in_turns_and_differ(ask: Ask) -> None:
    pieces = ask()
    first_adapter = next(i for i, piece in enumerate(pieces) if piece.speaker == "adapter")
    assert any(piece.speaker == "base" for piece in pieces[first_adapter:]), "they take turns"
    assert text_of(pieces, "base") != text_of(pieces, "adapter")
    assert sum(piece.stop != "" for piece in pieces) == 2


def test_greedy_answers_equal_those_of_transformers(ask: Ask, tiny_model: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from core.training.precision import choose_precision

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    dtype = choose_precision("auto").dtype
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=dtype)
    messages = [{"role": "user", "content": "What is a cat?"}]
    prompt = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    ids = model.generate(**prompt, max_new_tokens=12, do_sample=False)[0]
    expected = tokenizer.decode(ids[prompt["input_ids"].shape[1] :], skip_special_tokens=True)
    assert text_of(ask(sides=["base"]), "base") == expected


def test_a_seed_repeats_a_drawn_answer(ask: Ask) -> None:
    def drawn(seed: int) -> str:
        return text_of(ask(sides=["base"], temperature=5.0, seed=seed), "base")

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_the_model_stays_loaded_for_the_next_question(tiny_model: Path, adapter: Path) -> None:
    job = Chat()
    request = ChatRequest.model_validate(
        {
            "source": str(tiny_model),
            "adapter": str(adapter),
            "messages": [{"role": "user", "content": "Hello"}],
            "max_tokens": 2,
        }
    )

    def loads() -> int:
        return sum(isinstance(event, Progress) for event in job.run(request, Control()))

    assert loads() == 1
    assert loads() == 0
    weights = adapter / "adapter_model.safetensors"
    weights.touch()
    assert loads() == 1


def test_a_stop_ends_the_answer(ask: Ask) -> None:
    job_control = Control()
    job_control.stop()
    assert ask(job_control) == []


def test_a_stop_token_ends_the_answer(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.chat import speaker

    tokens = iter([50, 51, 2, 52])  # 2 is <|im_end|>
    monkeypatch.setattr(speaker, "_choose", lambda *_: next(tokens))
    last = ask(sides=["adapter"])[-1]
    assert (last.stop, last.tokens) == ("end", 2)


def test_half_a_character_is_never_shown(
    ask: Ask, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoTokenizer

    from core.chat import speaker

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokens = iter(tokenizer("Zoë €5", add_special_tokens=False)["input_ids"])
    monkeypatch.setattr(speaker, "_choose", lambda *_: next(tokens, 2))
    pieces = ask(sides=["base"])
    assert text_of(pieces, "base") == "Zoë €5"
    assert not any("\ufffd" in piece.text for piece in pieces)


def test_an_adapter_of_another_base_is_refused(ask: Ask, tmp_path: Path, tiny_model: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    other = tmp_path / "wider"
    config = LlamaConfig.from_pretrained(tiny_model, hidden_size=64, intermediate_size=96)
    LlamaForCausalLM(config).save_pretrained(other)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (other / file).write_bytes((tiny_model / file).read_bytes())
    with pytest.raises(UserError) as caught:
        ask(source=str(other))
    assert "0 of 14 modules match" in caught.value.message
    assert tiny_model.name in caught.value.message
    assert "wider" in caught.value.message


def test_asking_an_adapter_that_is_not_there_is_an_error(ask: Ask) -> None:
    with pytest.raises(UserError, match="no adapter to ask"):
        ask(adapter="")
