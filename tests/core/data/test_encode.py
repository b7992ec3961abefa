"""What is trained: the answer and its end-of-turn token, and nothing else."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from core.data.encode import Example, encode, encode_rows
from core.data.rows import load_rows
from core.data.table import Message
from core.errors import UserError
from core.settings import DataSettings

SETTINGS = DataSettings()
CHAT = (Message("user", "What is a river?"), Message("assistant", "a large stream\n of water "))
LONG_CHAT = (
    Message("system", "Be short."),
    *CHAT,
    Message("user", "And a cat?"),
    Message("assistant", ""),
    Message("user", "And a dog?"),
    Message("assistant", "日本🙂 ünlaut"),
)
WITH_TAGS = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] }}<|im_end|>{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ message['content'] }}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def trained_text(example: Example, tokenizer: Any) -> str:
    """Decode the trained tokens, with a bar between two answers."""
    pieces: list[list[int]] = []
    before = False
    for token, trained in zip(example.ids, example.trained, strict=True):
        if trained and not before:
            pieces.append([])
        if trained:
            pieces[-1].append(token)
        before = trained
    return "|".join(tokenizer.decode(piece) for piece in pieces)


def with_template(tokenizer: Any, template: str | None, **special: str | None) -> Any:
    """Return a copy of the tiny tokenizer with another template."""
    copy = deepcopy(tokenizer)
    copy.chat_template = template
    for name, value in special.items():
        setattr(copy, name, value)
    return copy


def test_the_starter_model_learns_answer_and_end(starter_tokenizer: Any) -> None:
    table = load_rows(SETTINGS)
    start = process_time()
    examples = encode_rows(table, starter_tokenizer, SETTINGS)
    seconds = process_time() - start
    for example in examples:
        answer = table.rows[example.row][1].content
        assert trained_text(example, starter_tokenizer) == answer + "<|im_end|>"
    whole = starter_tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in table.rows[0]], return_dict=False
    )
    assert list(examples[0].ids) == whole
    assert seconds < 5.0


@pytest.mark.parametrize("row", [CHAT, LONG_CHAT], ids=["one", "many"])
def test_the_mask_is_that_of_generation_tags(row: tuple[Message, ...], tiny_tokenizer: Any) -> None:
    tagged = with_template(tiny_tokenizer, WITH_TAGS)
    expected = tagged.apply_chat_template(
        [{"role": message.role, "content": message.content} for message in row],
        return_assistant_tokens_mask=True,
        return_dict=True,
    )
    example = encode(row, tiny_tokenizer, SETTINGS)
    assert list(example.ids) == expected["input_ids"]
    assert [int(trained) for trained in example.trained] == expected["assistant_masks"]


def test_every_answer_of_a_long_chat_is_trained(tiny_tokenizer: Any) -> None:
    example = encode(LONG_CHAT, tiny_tokenizer, SETTINGS)
    expected = "a large stream\n of water <|im_end|>|<|im_end|>|日本🙂 ünlaut<|im_end|>"
    assert trained_text(example, tiny_tokenizer) == expected
    assert (example.answers, example.unlocated, example.open_ends) == (3, 0, 0)


def test_everything_but_the_first_token_can_be_trained(tiny_tokenizer: Any) -> None:
    example = encode(CHAT, tiny_tokenizer, DataSettings(train_on="everything"))
    assert example.trained == (False, *[True] * (len(example.ids) - 1))


def test_a_cut_row_says_what_is_gone(tiny_tokenizer: Any) -> None:
    whole = encode(CHAT, tiny_tokenizer, SETTINGS)
    end = max(i for i, trained in enumerate(whole.trained) if trained)
    for length in range(8, len(whole.ids) + 1):
        example = encode(CHAT, tiny_tokenizer, DataSettings(max_length=length))
        assert example.ids == whole.ids[:length]
        assert example.trained == whole.trained[:length]
        assert example.cut == len(whole.ids) - length
        assert example.cut_trained + example.trained_tokens == whole.trained_tokens
        assert example.cut_ends == (length <= end)


def test_plain_text_is_trained_and_closed(tiny_tokenizer: Any) -> None:
    example = encode((Message("text", "A cat is small."),), tiny_tokenizer, SETTINGS)
    assert tiny_tokenizer.decode(example.ids) == "A cat is small.<|im_end|>"
    assert example.trained[0] is False
    assert all(example.trained[1:])


def test_a_model_without_template_gets_the_plain_form(tiny_tokenizer: Any) -> None:
    plain = with_template(tiny_tokenizer, None)
    example = encode(CHAT, plain, SETTINGS)
    answer = "a large stream\n of water <|im_end|>"
    assert plain.decode(example.ids) == f"What is a river?\n{answer}"
    assert trained_text(example, plain) == answer
    assert trained_text(encode(LONG_CHAT, plain, SETTINGS), plain).count("<|im_end|>") == 3


def test_an_answer_that_the_template_leaves_open_is_closed(tiny_tokenizer: Any) -> None:
    template = (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    example = encode(CHAT, with_template(tiny_tokenizer, template), SETTINGS)
    assert trained_text(example, tiny_tokenizer).endswith("water|<|im_end|>")
    assert (example.open_ends, example.cut_ends) == (0, 0)
    nothing = with_template(tiny_tokenizer, template, eos_token=None)
    assert encode(CHAT, nothing, SETTINGS).open_ends == 1


PHI = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% else %}<|endoftext|>{% endif %}"
)
"""Closes the whole text, so that an earlier part is no prefix of it (as Phi-3 does)."""

QWEN = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Writes an empty thought into the last answer only (as Qwen3 does)."""

DEEPSEEK = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)
"""Opens a thought in the generation prompt that no rendered answer has."""

MIDDLE = "a large stream\n of water <|im_end|>|<|im_end|>|"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (PHI, MIDDLE + "日本🙂 ünlaut<|im_end|>\n<|endoftext|>"),
        (QWEN, MIDDLE + "<think>\n\n</think>\n\n日本🙂 ünlaut<|im_end|>"),
        (DEEPSEEK, MIDDLE + "日本🙂 ünlaut<|im_end|>"),
    ],
    ids=["phi", "qwen", "deepseek"],
)
def test_templates_that_do_not_render_turn_by_turn(
    template: str, expected: str, tiny_tokenizer: Any
) -> None:
    example = encode(LONG_CHAT, with_template(tiny_tokenizer, template), SETTINGS)
    assert trained_text(example, tiny_tokenizer) == expected
    assert (example.answers, example.unlocated) == (3, 0)


def test_an_answer_that_cannot_be_found_is_counted(tiny_tokenizer: Any) -> None:
    hidden = tiny_tokenizer.chat_template.replace("message['content']", "'…'")
    template = "{{ messages | length }}" + hidden
    example = encode(LONG_CHAT, with_template(tiny_tokenizer, template), SETTINGS)
    assert example.unlocated == 3
    assert not any(example.trained)


def test_a_chat_may_begin_with_an_answer(starter_tokenizer: Any) -> None:
    row = (Message("assistant", "Hello!"), *CHAT)
    example = encode(row, starter_tokenizer, SETTINGS)  # the template opens with a system message
    expected = "Hello!<|im_end|>|a large stream\n of water <|im_end|>"
    assert trained_text(example, starter_tokenizer) == expected


def test_a_template_that_refuses_a_row_names_it(tiny_tokenizer: Any) -> None:
    template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system role') }}{% endif %}"
        + tiny_tokenizer.chat_template
    )
    table = load_rows(DataSettings())
    rows = (*table.rows[:200], LONG_CHAT)
    with pytest.raises(UserError, match=r"Row 200 \(counted from 0\): .*: No system role"):
        encode_rows(replace(table, rows=rows), with_template(tiny_tokenizer, template), SETTINGS)


def test_odd_characters_are_no_problem(tiny_tokenizer: Any, tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text('{"prompt": "\\ud800\\u0000", "response": "\\udc00\\ufeff\\u2028"}\n')
    settings = DataSettings(path=str(path))
    example = encode_rows(load_rows(settings), tiny_tokenizer, settings)[0]
    assert trained_text(example, tiny_tokenizer) == "�\ufeff\u2028<|im_end|>"


def test_a_space_before_the_answer_belongs_to_its_first_token(tiny_tokenizer: Any) -> None:
    template = (
        "{% for m in messages %}{% if m['role'] == 'user' %}[{{ m['content'] }}]"
        "{% else %} {{ m['content'] }}<|im_end|>{% endif %}{% endfor %}"
        "{% if add_generation_prompt %} {% endif %}"
    )
    row = (Message("user", "small"), Message("assistant", "animal"))
    example = encode(row, with_template(tiny_tokenizer, template), SETTINGS)
    assert trained_text(example, tiny_tokenizer).strip() == "animal<|im_end|>"
