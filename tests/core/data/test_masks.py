"""What is trained, in ten chat formats, beside a mask that was made in another way.

The reference knows nothing of prefixes or generation prompts. It looks for the words of each turn
in the rendered text, takes the header in front of them and the end behind them from a table, and
asks the tokenizer which tokens lie there.
"""

from copy import deepcopy
from typing import Any

import pytest
from transformers.utils.chat_template_utils import render_jinja_template

from core.data.encode import encode
from core.data.render import render
from core.data.table import Conversation, Message
from core.settings import DataSettings
from tests.core.data.chat_formats import FORMATS, Format

SETTINGS = DataSettings()
ONE = (Message("user", "Was ist ein Fluß?"), Message("assistant", "One river, with 水."))
MANY = (
    *ONE,
    Message("user", "And a cat?"),
    Message("assistant", "A small animal.\nIt purrs 🐈"),
    Message("user", "And a dog?"),
    Message("assistant", "Another one"),
)
CONVERSATIONS: dict[str, Conversation] = {
    "one": ONE,
    "many": MANY,
    "system": (Message("system", "Be short."), *MANY),
    "tool": (
        Message("user", "How warm is it?"),
        Message("assistant", '{"name": "thermometer"}'),
        Message("tool", "21 degrees"),
        Message("assistant", "It is 21 degrees."),
    ),
    "thought": (
        *ONE,
        Message("user", "And 2 + 2?"),
        Message("assistant", "<think>\nTwo and two.\n</think>\n\nFour."),
    ),
}


def tokenizer_of(tiny: Any, form: Format) -> Any:
    """Return a tokenizer that writes this format."""
    made = deepcopy(tiny)
    made.chat_template = form.template or None
    made.add_special_tokens({"bos_token": form.bos, "eos_token": form.eos})
    made.add_special_tokens({"additional_special_tokens": list(form.tokens)})
    return made


def reference(row: Conversation, form: Format, text: str) -> list[tuple[int, int]]:
    """Return where the answers stand: behind their header, as far as their end."""
    spans, place = [], 0
    for message in row:
        said = message.content.strip()
        if message.role != "assistant":
            found = text.find(said, place)
            place = found + len(said) if found >= 0 else place
            continue
        final = said.split("</think>")[-1].strip() if form.template else said
        at = text.index(final, place)
        start = text.rindex(form.header, 0, at) + len(form.header) if form.header else at
        end = text.index(form.end, at) + len(form.end)
        spans.append((start, end))
        place = end
    start, end = spans[-1]
    closed = text.startswith(form.closing, end)
    return [*spans[:-1], (start, end + len(form.closing) * closed)]


CASES = [
    (name, kind)
    for name, form in FORMATS.items()
    for kind in CONVERSATIONS
    if (kind != "system" or form.system) and (kind != "tool" or form.tools)
]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_mask_is_that_of_the_reference(name: str, kind: str, tiny_tokenizer: Any) -> None:
    form, row = FORMATS[name], CONVERSATIONS[kind]
    tokenizer = tokenizer_of(tiny_tokenizer, form)
    rendered = render(row, tokenizer)
    spans = reference(row, form, rendered.text)
    coded = tokenizer(
        rendered.text,
        add_special_tokens=rendered.add_special_tokens,
        return_offsets_mapping=True,
    )
    wanted = [
        any(start <= left and right <= end and left < right for start, end in spans)
        for left, right in coded["offset_mapping"]
    ]
    example = encode(row, tokenizer, SETTINGS)
    assert list(example.ids) == coded["input_ids"]
    assert list(example.trained) == wanted, trained(example, tokenizer)
    assert example.answers == sum(message.role == "assistant" for message in row)
    assert (example.unlocated, example.open_ends) == (0, 0)


def trained(example: Any, tokenizer: Any) -> str:
    """Return the trained text, for a failure to show."""
    ids = [i for i, learned in zip(example.ids, example.trained, strict=True) if learned]
    text: str = tokenizer.decode(ids)
    return text


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, kind in CASES if FORMATS[name].template]
)
def test_the_text_is_that_of_transformers(name: str, kind: str, tiny_tokenizer: Any) -> None:
    """Limits change nothing of what a template writes."""
    row, tokenizer = CONVERSATIONS[kind], tokenizer_of(tiny_tokenizer, FORMATS[name])
    messages = [{"role": message.role, "content": message.content} for message in row]
    [wanted], _ = render_jinja_template(
        [messages], chat_template=tokenizer.chat_template, **tokenizer.special_tokens_map
    )
    assert render(row, tokenizer).text == wanted
