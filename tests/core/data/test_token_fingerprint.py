"""What decides over the tokens of rows, each alone, gives them another name."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from core.data import token_fingerprint
from core.data.encode import ENCODING, Encoder
from core.data.rows import load_rows
from core.data.table import Message
from core.settings import DataSettings
from tests.core.data.token_inputs import ROOT, Inputs, inputs

__all__ = ["inputs"]


def another_row(inputs: Inputs) -> Inputs:
    rows = (*inputs.table.rows[:-1], (Message("user", "a"), Message("assistant", "b")))
    return inputs._replace(table=replace(inputs.table, rows=rows))


def one_row_less(inputs: Inputs) -> Inputs:
    return inputs._replace(table=replace(inputs.table, rows=inputs.table.rows[:-1]))


def another_order(inputs: Inputs) -> Inputs:
    return inputs._replace(table=replace(inputs.table, rows=inputs.table.rows[::-1]))


def another_role(inputs: Inputs) -> Inputs:
    (_, answer), *others = inputs.table.rows
    rows = ((Message("system", "What is 0? 日本"), answer), *others)
    return inputs._replace(table=replace(inputs.table, rows=rows))


def other_columns(inputs: Inputs) -> Inputs:
    changes = {"prompt_column": "response", "answer_column": "prompt"}
    settings = inputs.settings.model_copy(update=changes)
    return inputs._replace(table=load_rows(settings), settings=settings)


def trained_on_everything(inputs: Inputs) -> Inputs:
    settings = inputs.settings.model_copy(update={"train_on": "everything"})
    return inputs._replace(settings=settings)


def another_template(inputs: Inputs) -> Inputs:
    inputs.tokenizer.chat_template += " "
    return inputs


def no_template(inputs: Inputs) -> Inputs:
    inputs.tokenizer.chat_template = None
    return inputs


def another_vocabulary(inputs: Inputs) -> Inputs:
    inputs.tokenizer.add_tokens(["What"])
    return inputs


def another_special_token(inputs: Inputs) -> Inputs:
    inputs.tokenizer.add_special_tokens({"extra_special_tokens": ["is"]})
    return inputs


def another_end(inputs: Inputs) -> Inputs:
    inputs.tokenizer.eos_token = "<|endoftext|>"
    return inputs


def split_special_tokens(inputs: Inputs) -> Inputs:
    inputs.tokenizer.split_special_tokens = True
    return inputs


def another_normaliser(inputs: Inputs) -> Inputs:
    from tokenizers.normalizers import Lowercase

    inputs.tokenizer.backend_tokenizer.normalizer = Lowercase()
    return inputs


INGREDIENTS = [
    another_row,
    one_row_less,
    another_order,
    another_role,
    other_columns,
    trained_on_everything,
    another_template,
    no_template,
    another_vocabulary,
    another_special_token,
    another_end,
    split_special_tokens,
    another_normaliser,
]


@pytest.mark.parametrize("change", INGREDIENTS)
def test_each_ingredient_counts(inputs: Inputs, change: Callable[[Inputs], Inputs]) -> None:
    inputs.made()
    before = inputs.name()
    changed = change(inputs)
    assert changed.name() != before
    made = changed.made()
    assert set(made.messages) == {"Making tokens"}
    assert made.rows == changed.expected()


@pytest.mark.parametrize("package", ["tokenizers", "transformers", "jinja2"])
def test_versions_count(inputs: Inputs, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, real = inputs.name(), token_fingerprint.version
    monkeypatch.setattr(
        token_fingerprint, "version", lambda name: "0" if name == package else real(name)
    )
    assert inputs.name() != before


def test_the_encoding_counts(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    before = inputs.name()
    monkeypatch.setattr(token_fingerprint, "ENCODING", token_fingerprint.ENCODING + 1)
    assert inputs.name() != before


def test_the_date_counts_where_the_template_asks_for_it(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tomorrow(token_fingerprint.date):
        @classmethod
        def today(cls) -> "Tomorrow":
            return cls(2099, 1, 1)

    def changes_tomorrow() -> bool:
        today = inputs.name()
        with monkeypatch.context() as patch:
            patch.setattr(token_fingerprint, "date", Tomorrow)
            return inputs.name() != today

    assert not changes_tomorrow()
    inputs.tokenizer.chat_template += "{{ strftime_now('%d %b') }}"
    assert changes_tomorrow()


def test_using_a_tokenizer_does_not_rename_its_rows(inputs: Inputs) -> None:
    before = inputs.name()
    inputs.tokenizer(["a", "b c"], padding=True, truncation=True, max_length=4)
    assert inputs.name() == before


# The number that the encoder's own code goes by.

CONVERSATIONS = [
    (Message("user", "What is a river?"), Message("assistant", "a large stream\n of water ")),
    (Message("text", "Größe 🙂 日本"),),
    (
        Message("system", "Be short."),
        Message("user", "And a cat?"),
        Message("assistant", ""),
        Message("user", "And a dog?"),
        Message("assistant", "woof"),
    ),
]
GOLDEN = ROOT / "tests" / "golden" / "encoded.json"


def encoded_conversations(tokenizer: Any) -> list[list[str]]:
    """Encode by the chat template and without: ids, and a mask of zeros and ones."""
    plain = deepcopy(tokenizer)
    plain.chat_template = None
    rows = dict(enumerate(CONVERSATIONS))
    encoded = [
        row for kind in (tokenizer, plain) for row in Encoder(kind, DataSettings()).encode(rows)
    ]
    return [[" ".join(map(str, e.ids)), "".join(str(int(t)) for t in e.trained)] for e in encoded]


def test_the_number_of_the_encoding_is_that_of_its_results(tiny_tokenizer: Any) -> None:
    """If this fails, the encoder gives other tokens: raise ENCODING and renew the golden file."""
    golden = json.loads(GOLDEN.read_text("utf-8"))
    assert encoded_conversations(tiny_tokenizer) == golden["rows"]
    assert golden["encoding"] == ENCODING
