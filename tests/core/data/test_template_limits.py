"""Templates that mean harm are stopped within a second, by a message; others lose no time."""

import threading
from time import perf_counter
from typing import Any

import pytest

from core.data.render import render
from core.data.table import Message
from core.data.template_amounts import TooCostlyError
from core.data.template_limits import limited
from core.errors import UserError
from tests.core.data.chat_formats import FORMATS
from tests.core.data.test_masks import MANY, tokenizer_of

LOOP = "{% for i in range(99999) %}"
DOUBLING = "{% set ns = namespace(x='ab') %}{% for i in range(60) %}"
NESTING = (
    "{% set ns = namespace(x=()) %}{% for i in range(60) %}"
    "{% set ns.x = (ns.x, ns.x) %}{% endfor %}"
)
ATTACKS = {
    "nested values, printed": NESTING + "{{ ns.x }}",
    "nested values, joined": NESTING + "{{ ns.x ~ 'a' }}",
    "nested values as JSON": NESTING + "{{ ns.x | tojson }}",
    "nested values, formatted": NESTING + "{{ '%s' % [ns.x] }}",
    "nested values, hashed": NESTING + "{{ {ns.x: 1} }}",
    "nested values, compared": NESTING.replace("ns", "a")
    + NESTING.replace("ns", "b")
    + "{{ a.x == b.x }}",
    "a sum of lists": "{{ ([[1] * 9000] * 9000) | sum(start=[]) | length }}",
    "made-up text": "{{ lipsum(n=900000) }}",
    "characters translated": "{{ ('x' * 900000).translate({120: 'y' * 900000}) }}",
    "a field, often": "{{ ('%(a)s' * 9000) % {'a': 'x' * 900000} }}",
    "words wrapped": "{{ ('x ' * 900000) | wordwrap(1) }}",
    "loops too deep for Python": "{% for i in [1] %}" * 90 + "{% endfor %}" * 90,
    "a long range": "{% for i in range(10 ** 9) %}{% endfor %}",
    "nested loops": LOOP * 4 + "{% endfor %}" * 4,
    "loops over a text": "{% for a in 'x' * 90000 %}{% for b in 'x' * 90000 %}{% endfor %}"
    "{% endfor %}",
    "loops that only set": LOOP + LOOP + "{% set x = i + 1 %}" + "{% endfor %}" * 2,
    "a product of texts": "{{ 'x' * 10 ** 10 }}",
    "a product in a variable": "{% set n = 1000000000 %}{{ 'x' * n }}",
    "lists times lists": "{% set x = [1] * 99999999 %}{{ x * 9999 }}",
    "powers": "{{ 9 ** (9 ** 9) }}",
    "squares of squares": "{% set ns = namespace(x=3) %}{% for i in range(99) %}"
    "{% set ns.x = ns.x * ns.x %}{% endfor %}",
    "doubling by ~": DOUBLING + "{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "doubling by +": DOUBLING + "{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "doubling by replacing": DOUBLING + "{% set ns.x = ns.x.replace('a', ns.x) %}{% endfor %}",
    "doubling by joining": DOUBLING + "{% set ns.x = ns.x.join([ns.x, ns.x, ns.x]) %}{% endfor %}",
    "doubling lists": "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}"
    "{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "a wide format": "{{ '%1000000000d' % 1 }}",
    "a hidden width": "{{ '%*d' % (1000000000, 1) }}",
    "a wide format by filter": "{{ '%1000000000d' | format(1) }}",
    "a wide format by method": "{{ '{:>1000000000}'.format(1) }}",
    "a width in a width": "{{ '{:>{}}'.format(1, 1000000000) }}",
    "centering": "{{ 'x' | center(1000000000) }}",
    "filling up": "{{ 'x'.ljust(1000000000) }}",
    "indenting": "{{ 'x\n' | indent(1000000000) }}",
    "batches": "{{ [1] | batch(1000000000, 'x') | list }}",
    "indented JSON": "{{ [1] | tojson(indent=1000000000) }}",
    "a macro that calls itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "a macro that calls itself twice": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}"
    "{% endif %}{% endmacro %}{{ f(60) }}",
    "a recursive loop": "{% for i in [[1, 2]] * 9 recursive %}{{ loop([i] * 9) }}{% endfor %}",
    "megabytes of output": LOOP + LOOP + "xxxxxxxxxxxxxxxxxxxxxxxx" + "{% endfor %}" * 2,
    "deep nesting": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "a template of megabytes": "x" * 2_000_000,
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_stopped_within_a_second(attack: str, tiny_tokenizer: Any) -> None:
    tokenizer = tokenizer_of(tiny_tokenizer, FORMATS["ChatML"])
    tokenizer.chat_template = ATTACKS[attack]
    begun = perf_counter()
    with pytest.raises(UserError) as caught:
        render(MANY, tokenizer)
    assert perf_counter() - begun < 1.0
    assert "The chat template of this model" in caught.value.message
    assert caught.value.hint


def test_it_works_in_any_thread(tiny_tokenizer: Any) -> None:
    tokenizer = tokenizer_of(tiny_tokenizer, FORMATS["ChatML"])
    tokenizer.chat_template = ATTACKS["nested loops"]
    caught = []

    def work() -> None:
        try:
            render(MANY, tokenizer)
        except UserError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(5.0)
    assert not thread.is_alive()
    assert "takes longer" in caught[0].message


@pytest.mark.parametrize(
    "escape",
    [
        "{{ messages.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ messages.append(1) }}",
    ],
)
def test_the_sandbox_is_that_of_transformers(escape: str, tiny_tokenizer: Any) -> None:
    tokenizer = tokenizer_of(tiny_tokenizer, FORMATS["ChatML"])
    tokenizer.chat_template = escape
    with pytest.raises(UserError):
        render(MANY, tokenizer)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ 'a' ~ 1 ~ none ~ nothing }}", "a1None"),
        ("{{ '**bold** %s 1234567' % 'x' }}", "**bold** x 1234567"),
        ("{{ '{:>4}|{:*^5}'.format(1, 'x') }}", "   1|**x**"),
        ("{{ 'abc' | replace('b', 'x') }}", "axc"),
        ("{{ [1, 2] | join(', ') }}", "1, 2"),
        ("{% for i in [1, 2, 3] %}{{ loop.last }}{{ loop.length }} {% endfor %}",
         "False3 False3 True3 "),
        ("{% for a, b in {'x': 1}.items() %}{{ a ~ b }}{% else %}none{% endfor %}", "x1"),
        ("{% for i in nothing %}x{% else %}none{% endfor %}", "none"),
        ("{{ messages | map(attribute='role') | unique | list }}", "['user', 'assistant']"),
        ("{{ 2 ** 10 + 3 * 4 - 7 % 4 }}", "1033"),
        ("{% generation %}x{% endgeneration %}", "x"),
    ],
)  # fmt: skip
def test_what_templates_may_do_goes_on_working(source: str, text: str) -> None:
    messages = [{"role": message.role, "content": message.content} for message in MANY]
    assert limited(source).render(messages=messages) == text


def test_a_template_is_compiled_once() -> None:
    assert limited("{{ 1 }}") is limited("{{ 1 }}")
    with pytest.raises(TooCostlyError):
        limited("x" * 2_000_000)


def test_a_conversation_of_many_turns_is_no_attack(tiny_tokenizer: Any) -> None:
    tokenizer = tokenizer_of(tiny_tokenizer, FORMATS["Qwen 3"])
    row = (Message("user", "Why? " * 2000), Message("assistant", "So. " * 2000)) * 100
    assert len(render(row, tokenizer).text) > 1_600_000
