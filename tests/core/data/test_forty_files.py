"""Files as people publish them: read rightly, or asked about, or refused; never misread.

The files lie in tests/data/shapes. For each it is written down here which text is learned: the
answers of every row, as a model with a template that knows tools and thoughts gets them.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from core.data.encode import encode_rows
from core.data.roles import MappingQuestion
from core.data.rows import load_rows
from core.errors import UserError
from core.settings import DataSettings
from tests.core.data.test_encode import trained_text

FOLDER = Path(__file__).parents[2] / "data" / "shapes"
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['reasoning_content'] %}<think>{{ m['reasoning_content'] }}</think>{% endif %}"
    "{{ m['content'] }}{% for call in m['tool_calls'] or [] %}"
    "[{{ call['function']['name'] }} {{ call['function']['arguments'] | tojson }}]{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
END = "<|im_end|>"

READ: dict[str, tuple[str, str, list[str]]] = {
    "01_openai_chat.jsonl": ("chat", "messages=chat", ["Lima.", "Santiago.|Yes."]),
    "02_ultrachat.jsonl": ("chat", "messages=chat", ["In eights.", "To point the way."]),
    "03_openai_tools.jsonl": (
        "chat",
        "messages=chat",
        ['[get_weather {"city": "Oslo"}]|It is 3 degrees in Oslo.'],
    ),
    "04_reasoning.jsonl": (
        "chat",
        "messages=chat",
        ["<think>Two and two make four.</think>Four.", "<think>Three twice.</think>Six."],
    ),
    "05_sharegpt.json": ("sharegpt", "conversations=chat", ["Hello!", "See you."]),
    "06_sharegpt_tools.json": (
        "sharegpt",
        "conversations=chat system=system",
        ['[divide {"a": 6, "b": 3}]|That is 2.'],
    ),
    "07_alpaca.json": (
        "alpaca",
        "instruction=prompt input=input output=answer",
        ["bonjour", "Red."],
    ),
    "08_alpaca_history.json": (
        "alpaca",
        "instruction=prompt input=input output=answer system=system history=history",
        ["Germany.|Berlin.", "Carp."],
    ),
    "09_prompt_completion.jsonl": (
        "prompt-answer",
        "prompt=prompt completion=answer",
        [" a time.", " is near."],
    ),
    "10_trl_turns.jsonl": ("prompt-answer", "prompt=prompt completion=answer", ["Frozen water."]),
    "11_gsm8k.jsonl": (
        "prompt-answer",
        "question=prompt answer=answer",
        ["3 - 1 = 2\n#### 2", "#### 0"],
    ),
    "12_openorca.jsonl": (
        "prompt-answer",
        "system_prompt=system question=prompt response=answer",
        ["Yes.", "No."],
    ),
    "13_dolly.jsonl": (
        "alpaca",
        "instruction=prompt context=input response=answer",
        ["In 1889.", "Oak."],
    ),
    "14_faq.csv": (
        "prompt-answer",
        "Question=prompt Answer=answer",
        ["By card.", "Yes, within 30 days."],
    ),
    "15_semicolons.csv": (
        "prompt-answer",
        "prompt=prompt response=answer",
        ["Gut, danke.", "Ein Hut."],
    ),
    "16_tabs.tsv": ("prompt-answer", "instruction=prompt output=answer", ["hi", "bye"]),
    "17_chat_in_csv.csv": ("chat", "messages=chat", ["Down.", "Right."]),
    "18_story.txt": ("text", "text=text", ["The fox ran.\nIt was late.", "The hen slept."]),
    "19_web_text.jsonl": ("text", "text=text", ["Rivers carry sand.", "Hills are old."]),
    "20_code.jsonl": ("text", "content=text", ["def f():\n    return 1\n", "x = 2\n"]),
    "21_preference_text.jsonl": (
        "preference",
        "prompt=prompt chosen=answer",
        ["Autumn, for its light.", "Green."],
    ),
    "22_preference_turns.jsonl": ("preference", "chosen=chat", ["Of course."]),
    "23_preference_split.jsonl": ("preference", "prompt=prompt chosen=answer", ["Very tall."]),
    "24_protein.jsonl": ("sequence", "sequence=text", ["MKTAYIAKQR", "GSHMLEDPVD"]),
    "25_dna.jsonl": ("sequence", "sequence=text", ["ACGTTGCA", "GGGCATTA"]),
    "26_chat_content_parts.jsonl": ("chat", "messages=chat", ["Wren."]),
    "27_developer_role.jsonl": ("chat", "messages=chat", ["Hat"]),
    "28_math.jsonl": ("prompt-answer", "problem=prompt solution=answer", ["It is 2.", "It is 3."]),
}
"""File to format, roles, and what is learned of each row: answers with a bar between them."""
ASKED = {
    "29_german.csv": ("frage", "antwort"),
    "30_two_answers.jsonl": ("question", "solution"),
    "31_articles.jsonl": ("article", "highlights"),
    "32_two_chats.jsonl": ("", "chat_a"),
    "33_sentiment_words.jsonl": ("text", "label"),
    "34_prompt_and_text.jsonl": ("prompt", "text"),
    "35_empty_prompts.jsonl": ("input", "output"),
}
"""File to a pair of prompt and answer that must be among those offered."""
REFUSED = {
    "36_kto.jsonl": "The answers are judged",
    "37_imdb.jsonl": "labelled with numbers in 'label'",
    "38_multiple_choice.jsonl": "The answers to choose from are in 'choices'",
    "39_tokens.jsonl": "tokens of some model already",
    "40_stability.jsonl": "labelled with numbers in 'fitness'",
    "41_hh.jsonl": "a whole dialogue",
    "42_mixed_shapes.jsonl": "line 1, column 'messages': is missing",
    "43_cut_off.jsonl": "line 2, character",
    "44_robot_role.jsonl": "line 2, column 'messages[1].role': is 'narrator'",
    "45_number_answer.jsonl": "line 1, column 'answer': is a number",
    "46_squad.jsonl": "an object in 'answers'",
    "47_translation.jsonl": "an object in 'translation'",
    "48_image_part.jsonl": "column 'messages[0].content': holds 'image_url'",
}


@pytest.fixture(scope="session")
def reading_tokenizer(tiny_tokenizer: Any) -> Any:
    made = deepcopy(tiny_tokenizer)
    made.chat_template = TEMPLATE
    return made


def test_the_table_is_complete() -> None:
    files = {file.name for file in FOLDER.iterdir()}
    assert files == READ.keys() | ASKED.keys() | REFUSED.keys()
    assert len(files) >= 40


@pytest.mark.parametrize("name", READ)
def test_what_is_clear_is_read_without_help(name: str, reading_tokenizer: Any) -> None:
    wanted_format, wanted_roles, wanted = READ[name]
    settings = DataSettings(path=str(FOLDER / name))
    table = load_rows(settings)
    assert table.format == wanted_format
    used = {f"{column}={role}" for column, role in table.roles.items() if role != "unused"}
    assert used == set(wanted_roles.split())
    examples = encode_rows(table, reading_tokenizer, settings)
    learned = [trained_text(example, reading_tokenizer) for example in examples]
    if wanted_format in ("text", "sequence"):  # nothing precedes the first token
        assert all(all(example.trained[1:]) for example in examples)
        learned = [reading_tokenizer.decode(example.ids) for example in examples]
    assert learned == [text.replace("|", f"{END}|") + END for text in wanted]
    says_so = any("not train on preferences" in warning for warning in table.warnings)
    assert says_so == (wanted_format == "preference")


@pytest.mark.parametrize("name", ASKED)
def test_what_is_not_clear_is_asked(name: str) -> None:
    path = str(FOLDER / name)
    with pytest.raises(MappingQuestion) as caught:
        load_rows(DataSettings(path=path))
    assert name in caught.value.message
    prompt, answer = ASKED[name]
    offered = [tuple(roles.changes.values()) for roles in caught.value.candidates]
    assert (prompt, answer) in offered
    for (first, second), roles in zip(offered, caught.value.candidates, strict=True):
        table = load_rows(DataSettings(path=path, prompt_column=first, answer_column=second))
        used = {column: role for column, role in table.roles.items() if role != "unused"}
        assert used == roles.role_of
    assert f"--set data.answer_column='{answer}'" in caught.value.hint


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trained_is_refused(name: str) -> None:
    with pytest.raises(UserError) as caught:
        load_rows(DataSettings(path=str(FOLDER / name)))
    assert not isinstance(caught.value, MappingQuestion)
    assert REFUSED[name] in caught.value.message
    assert name in caught.value.message
    assert caught.value.hint
