"""Losses that stand still, and steps that a full GPU slows down on Windows."""

import pytest

from core.events import Notice, StepDone
from core.memory.devices import Device
from core.training.guards import Standstill
from core.training.paging import PagingWatch
from core.training.standstill import StandstillWatch
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import change_losses, of, one_thread, quick_proof, run_all

__all__ = ["one_thread", "quick_proof"]


def test_two_zeros_in_a_row_are_no_training() -> None:
    watch = StandstillWatch()
    for step, loss in enumerate((2.0, 0.0, 1.0, 0.0), 1):
        assert list(watch.judge(step, loss)) == []
    with pytest.raises(Standstill, match="step 5"):
        list(watch.judge(5, 0.0))


def test_a_loss_that_does_not_move_is_said_once_until_it_does() -> None:
    watch = StandstillWatch()
    losses = [1.5] * 30 + [1.4] + [1.4] * 30
    said = [step for step, loss in enumerate(losses, 1) for _ in watch.judge(step, loss)]
    assert said == [20, 50]


def test_a_healthy_loss_is_left_alone() -> None:
    watch = StandstillWatch()
    assert not [n for step in range(1, 200) for n in watch.judge(step, 2.0 + 1e-4 * (step % 7))]


def done(step: int, speed: float, memory: int) -> StepDone:
    numbers = {"loss": 1.0, "learning_rate": 1e-4, "gradient_norm": 1.0}
    tokens = {"trained_tokens": 1, "tokens": 1, "tokens_per_second": speed}
    return StepDone(step=step, memory_bytes=memory, **numbers, **tokens)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("windows", "speed", "memory", "said"),
    [(1, 20.0, 95, 1), (0, 20.0, 95, 0), (1, 60.0, 95, 0), (1, 20.0, 50, 0)],
)
def test_a_full_gpu_on_windows_is_told(windows: int, speed: float, memory: int, said: int) -> None:
    watch = PagingWatch(Device("Card", 100, 50, "cuda", windows_bytes=windows))
    notices: list[object] = []
    for step in range(1, 13):
        notices += watch.judge(done(step, 100.0, 50))
    notices += watch.judge(done(13, speed, memory))
    notices += watch.judge(done(14, speed, memory))
    assert len(notices) == said


@pytest.mark.usefixtures("quick_proof")
def test_a_run_that_learns_from_nothing_pauses(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    change_losses(monkeypatch, lambda _, loss: replace(loss, cross_entropy=loss.cross_entropy * 0))
    run = make_run()
    events = run_all(run)
    ended = events[-1]
    assert (ended.outcome, ended.step, ended.guard) == ("paused", 2, "R2")  # type: ignore[attr-defined]
    assert run.state().phase == "paused"
    assert not [notice for notice in of(Notice, events) if notice.level == "error"]
    assert "exactly zero" in run.report_file.read_text()
