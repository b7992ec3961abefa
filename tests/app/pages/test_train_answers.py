"""The sample answers of a run, question by question, and its spikes on the plot."""

import pytest
from pytestqt.qtbot import QtBot

from app.pages.train_answers import AnswersView
from app.plots.run_series import RunSeries
from app.style.theme import Theme
from core.events import LossSpike, RunStarted, Sampled, StepDone
from core.history import History
from core.training.spikes import SpikeWatch


def sampled(step: int, *answers: str) -> Sampled:
    samples = [
        {"prompt": f"What is {i}?", "wanted": f"It is {i}.", "answer": answer}
        for i, answer in enumerate(answers)
    ]
    return Sampled(step=step, samples=samples)


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> AnswersView:
    made = AnswersView(theme)
    qtbot.addWidget(made)
    made.show()
    return made


def test_the_newest_answer_stands_first(view: AnswersView) -> None:
    view.show_events([sampled(0, "a", "b"), sampled(20, "c", "d")])
    assert view.answers == [(20, "c"), (0, "a")]
    assert view.question.full_text == "What is 0?"
    assert not view.back.isEnabled()
    view.forth.click()
    assert view.answers == [(20, "d"), (0, "b")]
    assert not view.forth.isEnabled()


def test_a_resumed_run_replaces_what_it_repeats(view: AnswersView) -> None:
    view.show_events([sampled(0, "a"), sampled(20, "b"), sampled(40, "c")])
    view.add(sampled(20, "b again"))
    assert view.answers == [(20, "b again"), (0, "a")]


def test_before_the_first_evaluation_it_says_what_will_come(view: AnswersView) -> None:
    view.show_events([])
    assert "first one brings them" in view.question.full_text
    assert not view.forth.isVisible()


def test_spikes_lie_on_the_losses_of_their_steps() -> None:
    history, watch = History([started()]), SpikeWatch(40)
    for step in range(1, 31):
        loss = 6.0 if step == 25 else 2.0
        history.append(step_done(step, loss))
        spike = watch.take(loss)
        if spike:
            history.append(LossSpike(step=step, loss=loss, usual=spike.usual))
    series = RunSeries()
    series.sync(history)
    assert [list(column) for column in series.spikes] == [[25.0], [6.0], [3.0]]
    assert list(series.marks["gradient_norm"]) == [25.0]
    history.append(started(first_step=20))
    series.sync(history)
    assert len(series.spikes[0]) == 0, "a resume from step 20 has not seen it yet"


def started(first_step: int = 0) -> RunStarted:
    return RunStarted(
        first_step=first_step,
        total_steps=40,
        parameters=1,
        trainable_parameters=1,
        rows=1,
        steps_per_epoch=1.0,
        device="cpu",
        precision="fp32",
    )


def step_done(step: int, loss: float) -> StepDone:
    return StepDone(
        step=step,
        loss=loss,
        learning_rate=1e-4,
        gradient_norm=float(step),
        trained_tokens=1,
        tokens=1,
        tokens_per_second=1.0,
        memory_bytes=1,
    )
