"""Calls of tools and thoughts apart from the words, in templates that read them or not."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from core.data.encode import encode
from core.data.folding import folded
from core.data.readers import Record
from core.data.render import render
from core.data.table import Message
from core.data.turns import turns_of
from core.errors import UserError
from core.settings import DataSettings
from tests.core.data.chat_formats import FORMATS
from tests.core.data.test_encode import trained_text
from tests.core.data.test_masks import tokenizer_of

TOOLS = (
    "{%- for m in messages %}{%- if m.role == 'tool' %}"
    "<|im_start|>user\n<tool_response>\n{{ m.content }}\n</tool_response><|im_end|>\n"
    "{%- else %}{{- '<|im_start|>' + m.role + '\n' }}"
    "{%- if m.reasoning_content and loop.last %}"
    "{{ '<think>\n' + m.reasoning_content.strip('\n') + '\n</think>\n\n' }}{%- endif %}"
    "{{- m.content }}{%- for call in m.tool_calls or [] %}"
    "{{- '\n' if m.content or not loop.first }}{{- '<tool_call>\n{\"name\": \"' }}"
    '{{- call.function.name + \'", "arguments": \' }}'
    "{{- call.function.arguments | tojson }}{{- '}\n</tool_call>' }}"
    "{%- endfor %}{{ '<|im_end|>\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The way of Qwen and Hermes: calls in tags, results from the user, no thought but the last."""
TURNS = [
    {"role": "user", "content": "How warm is it in Oslo and in Rome?"},
    {
        "role": "assistant",
        "content": None,
        "reasoning_content": "I need two calls.",
        "tool_calls": [
            {"function": {"name": "weather", "arguments": '{"city": "Oslo"}'}},
            {"function": {"name": "weather", "arguments": {"city": "Rome"}}},
        ],
    },
    {"role": "tool", "content": "3 degrees"},
    {"role": "tool", "content": "20 degrees"},
    {"role": "assistant", "content": "3 and 20 degrees.", "thinking": "Easy."},
]
ROW = turns_of(TURNS, Record("line 1", {}), "messages")
CALLS = (
    '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>\n'
    '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call><|im_end|>'
)
SETTINGS = DataSettings(max_length=2048)


TEXT_ARGUMENTS = (
    "{% for m in messages %}{% if m['role'] == 'assistant' and m['tool_calls'] %}"
    "{% for call in m['tool_calls'] %}{{ '<|im_start|>assistant\n' if loop.first }}"
    "{{ call['function']['name'] + '\n```json\n' + call['function']['arguments'] + '\n```' }}"
    "{% endfor %}<|im_end|>\n{% endif %}"
    "{% if m['content'] is not none %}<|im_start|>{{ m['role'] + '\n' + m['content'] }}<|im_end|>\n"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The way of DeepSeek R1: arguments are text, and a turn of calls alone has no words at all."""


def with_template(tiny: Any, template: str) -> Any:
    made = deepcopy(tiny)
    made.chat_template = template
    return made


def test_calls_and_thoughts_are_learned(tiny_tokenizer: Any) -> None:
    tokenizer = with_template(tiny_tokenizer, TOOLS)
    example = encode(ROW, tokenizer, SETTINGS)
    last = "<think>\nEasy.\n</think>\n\n3 and 20 degrees.<|im_end|>"
    assert trained_text(example, tokenizer) == f"{CALLS}|{last}"
    assert (example.answers, example.unlocated, example.open_ends) == (2, 0, 0)


def test_arguments_are_text_where_a_template_needs_it(tiny_tokenizer: Any) -> None:
    tokenizer = with_template(tiny_tokenizer, TEXT_ARGUMENTS)
    calls = "".join(f'weather\n```json\n{{"city": "{city}"}}\n```' for city in ("Oslo", "Rome"))
    for row in (ROW[:2], (ROW[0], replace(ROW[1], thinking=""))):
        example = encode(row, tokenizer, SETTINGS)
        assert trained_text(example, tokenizer) == calls + "<|im_end|>"


@pytest.mark.parametrize(
    "template", ["{{ messages[0]['content'] + 1 }}", "{{ 1 / 0 }}", "{{ 'x'.encode('?') }}"]
)
def test_a_template_that_fails_is_named(template: str, tiny_tokenizer: Any) -> None:
    with pytest.raises(UserError, match="chat template of this model"):
        render(ROW[:1], with_template(tiny_tokenizer, template))


def test_only_the_last_answer_can_be_learned(tiny_tokenizer: Any) -> None:
    tokenizer = with_template(tiny_tokenizer, TOOLS)
    settings = DataSettings(train_on="last answer", max_length=2048)
    for row, learned in (
        (ROW, "<think>\nEasy.\n</think>\n\n3 and 20 degrees.<|im_end|>"),
        (ROW[:2], CALLS),
        (ROW[:1], ""),
    ):
        if row == ROW[:2]:
            learned = "<think>\nI need two calls.\n</think>\n\n" + CALLS
        example = encode(row, tokenizer, settings)
        assert trained_text(example, tokenizer) == learned
        assert example.answers == bool(learned)


@pytest.mark.parametrize("name", ["ChatML", "Llama 3", "Gemma", "Zephyr", "base"])
def test_calls_that_a_template_leaves_out_are_refused(name: str, tiny_tokenizer: Any) -> None:
    tokenizer = tokenizer_of(tiny_tokenizer, FORMATS[name])
    with pytest.raises(UserError, match=r"call of the tool 'weather'|calls tools"):
        render(ROW[:2], tokenizer)


@pytest.mark.parametrize("name", ["ChatML", "Llama 3", "Gemma", "Zephyr", "base"])
def test_thoughts_that_a_template_leaves_out_are_put_into_words(
    name: str, tiny_tokenizer: Any
) -> None:
    form = FORMATS[name]
    tokenizer = tokenizer_of(tiny_tokenizer, form)
    row = (Message("user", "2 + 2?"), Message("assistant", "Four.", thinking="Two twice."))
    example = encode(row, tokenizer, SETTINGS)
    learned = trained_text(example, tokenizer)
    assert "<think>\nTwo twice.\n</think>\n\nFour." in learned
    assert learned.rstrip().endswith(form.end)


def test_a_row_keeps_its_extras(tiny_tokenizer: Any) -> None:
    assert folded(ROW) == (*ROW[:2], Message("tool", "3 degrees\n\n20 degrees"), ROW[4])
    assert ROW[4].extras == ("Easy.", "")
    assert ROW[0].extras == ()


@pytest.mark.parametrize("calls", ["x", [3], [{"name": 3}], {"function": "f"}])
def test_odd_calls_are_refused(calls: Any) -> None:
    turn = {"role": "assistant", "content": "", "tool_calls": calls}
    with pytest.raises(UserError, match="holds something else than calls"):
        turns_of([turn], Record("line 7", {}), "messages")
