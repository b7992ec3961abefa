"""A page context whose worker never answers by itself: tests play the events."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from app.exact_plans import ExactPlans
from app.launch import Launch
from app.messages import Messages
from app.pages.base import PageContext
from app.preferences import Preferences
from app.run_controller import RunController
from app.session import Session
from app.style.theme import Theme
from core.events import Event
from core.models.info import Architecture, ModelInfo, TensorSpec
from core.settings import RunSettings


@dataclass
class FakeTask:
    job: str
    request: dict[str, Any]
    on_event: Callable[[Event], None]
    on_gone: Callable[[], None] = lambda: None
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True

    def kill(self) -> None:
        self.cancelled = True
        self.on_gone()

    def say(self, *events: Event) -> None:
        for event in events:
            if not self.cancelled:
                self.on_event(event)


@dataclass
class FakeLane:
    tasks: list[FakeTask] = field(default_factory=list)

    def ask(self, job: str, request: dict[str, Any], on_event: Callable[[Event], None]) -> FakeTask:
        self.tasks.append(FakeTask(job, request, on_event))
        return self.tasks[-1]

    def last(self, job: str) -> FakeTask:
        return next(task for task in reversed(self.tasks) if task.job == job)

    def release(self) -> None:
        pass


class FakeAssistant:
    def __init__(self) -> None:
        self.data, self.chat, self.own = FakeLane(), FakeLane(), FakeLane()

    def alone(
        self,
        job: str,
        request: dict[str, Any],
        on_event: Callable[[Event], None],
        on_gone: Callable[[], None],
    ) -> FakeTask:
        task = self.own.ask(job, request, on_event)
        task.on_gone = on_gone
        return task


class NoPool:
    """Workers are not needed where a test plays the events itself."""

    def warm_up(self) -> None:
        pass


@pytest.fixture(scope="session")
def theme(qapp: QApplication) -> Theme:
    return Theme(qapp, "light")


@pytest.fixture(autouse=True)
def swept(qapp: QApplication) -> Iterator[None]:
    """Pages are really gone after their test: a theme that changes would paint them all."""
    yield
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def visited() -> list[str]:
    return []


@pytest.fixture
def context(theme: Theme, visited: list[str]) -> PageContext:
    assistant = FakeAssistant()
    session = Session(assistant, RunSettings())  # type: ignore[arg-type]
    preferences = Preferences()
    run = RunController(NoPool(), preferences)  # type: ignore[arg-type]
    return PageContext(
        theme=theme,
        session=session,
        run=run,
        exact=ExactPlans(session, assistant, run),  # type: ignore[arg-type]
        launch=Launch(session, run),
        assistant=assistant,  # type: ignore[arg-type]
        messages=Messages(),
        preferences=preferences,
        go=visited.append,
    )


@pytest.fixture
def small_model() -> ModelInfo:
    """Four layers of a Llama of width 64."""
    return make_model(4)


def make_model(layers: int) -> ModelInfo:
    shapes = {
        "self_attn.q_proj": (64, 64),
        "self_attn.k_proj": (32, 64),
        "self_attn.v_proj": (32, 64),
        "self_attn.o_proj": (64, 64),
        "mlp.gate_proj": (128, 64),
        "mlp.up_proj": (128, 64),
        "mlp.down_proj": (64, 128),
    }
    tensors = [TensorSpec("model.embed_tokens.weight", (1000, 64), "BF16", 128000)]
    tensors += [
        TensorSpec(f"model.layers.{layer}.{kind}.weight", shape, "BF16", 2 * shape[0] * shape[1])
        for layer in range(layers)
        for kind, shape in shapes.items()
    ]
    return ModelInfo(
        source="small",
        name="Small",
        path="/models/small",
        kind="folder",
        architecture=Architecture(
            family="llama",
            layers=layers,
            hidden_size=64,
            heads=4,
            kv_heads=2,
            head_dim=16,
            intermediate_size=128,
            vocab_size=1000,
            context_length=512,
            tied_embeddings=True,
        ),
        tensors=tuple(tensors),
        dtype="bf16",
        has_chat_template=True,
    )


def take_model(context: PageContext, model: ModelInfo) -> None:
    """Let the session have this model, as if it had been read."""
    context.session.model, context.session.model_error = model, None
    context.session._make_plans()
    context.session.model_changed.emit()
    context.session.plan_changed.emit()
