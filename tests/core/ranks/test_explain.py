"""The answers, held to the numbers that they were given."""

import re

import numpy as np
import pytest

from core.ranks import Update, spectra_of
from core.ranks.against_base import AgainstBase, BaseComparison
from core.ranks.before_after import BeforeAfter, Side
from core.ranks.explain import QUESTIONS, Known, Question
from core.ranks.intruders import Intruders
from tests.core.ranks.test_verdict import NARROW, curve

NAME = "model.layers.0.mlp.up_proj"


def known(*, trained: bool = True, **more: object) -> Known:
    random = np.random.default_rng(0)
    b = random.standard_normal((24, 4)) * trained
    spectra = spectra_of([Update(NAME, b, random.standard_normal((4, 10)), 2.0)])
    return Known(spectra=spectra, module=spectra.modules[0], **more)  # type: ignore[arg-type]


def ask(words: str, about: Known) -> str:
    question = next(question for question in QUESTIONS if question.words.startswith(words))
    return " ".join(question.answer(about))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.words)
@pytest.mark.parametrize("trained", [True, False])
def test_every_question_has_an_answer_in_plain_sentences(question: Question, trained: bool) -> None:
    answer = question.answer(known(trained=trained))
    assert 1 <= len(answer) <= 4
    assert all(paragraph.rstrip().endswith(".") for paragraph in answer)
    assert not re.search(r"nan|inf\b|None|!", " ".join(answer))


def test_a_rank_is_counted() -> None:
    answer = ask("What is a rank", known())
    assert "24 × 10 numbers" in answer
    assert "240 numbers" in answer
    assert "136 numbers, 56.7%" in answer  # 4·(24 + 10) of 24·10


def test_a_singular_value_stands_beside_chance() -> None:
    about = known()
    low, high = (band[0] for band in about.module.null.singular_values)
    answer = ask("What is a singular value", about)
    assert f"the strongest is {about.module.singular_values[0]:.3g}" in answer
    assert f"{low:.3g} to {high:.3g}" in answer


def test_without_a_curve_there_is_no_verdict() -> None:
    answer = ask("Is my rank", known())
    assert answer.startswith("Spectra alone cannot tell")
    assert "not known before it is measured" in ask("Can I shrink it", known())


def test_with_a_curve_the_verdict_answers() -> None:
    about = known(curve=curve(NARROW))
    assert ask("Is my rank", about).startswith("More rank than this task needs.")
    assert "400 of 1,600" in ask("Can I shrink it", about)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([4.0, 3.0, 2.5], "Not as far as it was evaluated"),
        ([4.0, 2.5, 3.0], "lowest at step 20 with 2.500 and rose to 3.000 at step 30"),
        ([4.0, 4.0, 4.0], "not fallen below the 4.000"),
        ([4.0], "none of them is known"),
    ],
)
def test_overfitting_shows_in_the_held_out_loss(losses: list[float], expected: str) -> None:
    validation = tuple((10 * step, loss) for step, loss in enumerate(losses, 1))
    assert expected in ask("Did it overfit", known(validation=validation))


def test_intruders_and_what_was_forgotten() -> None:
    found = Intruders(
        sigma=np.ones(3), low=np.array([0.9, 0.4, 0.1]), high=np.array([1.0, 0.6, 0.2]),
        closest=(0, 1, 2),
    )  # fmt: skip
    ones = np.ones(1)
    module = AgainstBase(
        name=NAME, shape=(24, 10), update_norm=1.0, base_norm=1.0, sigma=ones, base_sigma=ones,
        projection=ones, outputs=ones, inputs=ones, reweighted=ones, intruders=found,
    )  # fmt: skip
    tokens = np.full(20, 10.0)
    sides = tuple(
        Side(name=name, parameters=1, task=tokens, general=np.full(20, loss))
        for name, loss in (("base", 30.0), ("full", 32.0))
    )
    losses = BeforeAfter(adapter="a", sides=sides, task_tokens=tokens, general_tokens=tokens)
    about = known(base=BaseComparison(modules=(module,)), losses=losses)
    answer = ask("What is an intruder", about)
    assert "1 of the 3 leading directions are intruders for sure, and 1 cannot" in answer
    assert "0.200 ± 0.000 nats per token higher" in answer
