"""What the model answers to the same few questions at every evaluation: held-out rows, greedily."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from core.data.encode import Example
from core.events import Progress
from core.training.attention import attending
from core.training.passage import Passage, evaluating

_PADDED = "sdpa"
"""Attention for one token after the other; packed rows have one that knows no past."""


@dataclass(frozen=True)
class Question:
    """The beginning of a row.

    Attributes:
        ids: Its tokens up to the first answer; of a plain text the first half.
        prompt: The question in words.
        wanted: What follows in the data, as text.
    """

    ids: tuple[int, ...]
    prompt: str
    wanted: str


def choose_questions(
    rows: Sequence[Example], asked: Sequence[str], tokenizer: Any
) -> list[Question]:
    """Return the questions of the first held-out rows, of which `asked` has the words."""
    return [_question(row, words, tokenizer) for row, words in zip(rows, asked, strict=False)]


def ask(
    passage: Passage, questions: Sequence[Question], tokenizer: Any, most_tokens: int
) -> Generator[Progress, None, list[dict[str, str]]]:
    """Return the likeliest answers; training goes on as if nothing had been asked.

    Raises:
        Halt: A stop or a pause was asked for (blocks ask for themselves).
    """
    samples = []
    for number, question in enumerate(questions):
        message = f"Answering question {number + 1} of {len(questions)}"
        yield Progress(phase="evaluating", message=message, share=number / len(questions))
        answer = _answer(passage, question, tokenizer, most_tokens)
        samples.append({"prompt": question.prompt, "wanted": question.wanted, "answer": answer})
    return samples


def _question(row: Example, words: str, tokenizer: Any) -> Question:
    first = row.trained.index(True)
    border = first if first > 1 else max(1, len(row.ids) // 2)
    wanted = tokenizer.decode(row.ids[border:], skip_special_tokens=True).strip()
    return Question(row.ids[:border], words, wanted)


def _answer(passage: Passage, question: Question, tokenizer: Any, most_tokens: int) -> str:
    base = passage.model.get_base_model()
    ids = torch.tensor([question.ids], device=base.device)
    implementation = _PADDED if passage.packed else passage.implementation
    with (
        attending(base, implementation),
        evaluating(passage.model),
        torch.compiler.set_stance("force_eager"),  # a cache would have the blocks compiled anew
    ):
        output = passage.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=most_tokens,
            do_sample=False,
            use_cache=True,
            pad_token_id=tokenizer.pad_token_id,
        )
    answer: str = tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True)
    return answer.strip()
