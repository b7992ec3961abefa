"""What the window is about: the settings being made, and what is known of model, data and memory.

Pages never talk to each other. They change settings here and listen to the signals.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.assistant import Assistant, Task
from app.plan_shelf import PlanShelf, Subject, rehearsal_key, subject
from app.setting_field import Wrong
from app.setting_words import in_window_words
from app.undo import Undo
from core.adapters import AdapterSettings
from core.chosen_types import chosen_types
from core.data.lengths import RowLengths
from core.errors import UserError
from core.events import Event, Progress, Reply, RunEnded
from core.memory.changes import difference
from core.memory.devices import Device, find_devices
from core.memory.methods import METHODS, method_of
from core.memory.plan import MemoryPlan, plan_methods
from core.memory.proposals import Case
from core.memory.workload import Known
from core.models.families.base import UnknownFamily
from core.models.info import ModelInfo
from core.models.json import from_json
from core.models.sources import open_model
from core.models.targets import adapted
from core.settings import RunSettings

if TYPE_CHECKING:
    from core.checks import RehearsalFacts


class Session(QObject):
    """The draft of the next run.

    Attributes:
        formulas: The plans of all methods by formula.
        plans: The same, each as exact as it is known; `plan` is that of the run.
        shelf: What was traced or measured.
        lengths: Those of the rows that were read last, uncut; empty before that.
        measuring: A worker measures; the devices are left as they are.

    Signals (all in the GUI thread):
        settings_changed: Some setting has another value.
        model_changed: `model` is another one, or None; `model_error` tells why.
        data_changed: `data` (the summary that the worker made) is another one, or None.
        data_progress: (message, share) while the data is read and tokenised.
        plan_changed: `plans`, `plan` or `device` changed.
        device_changed: Another device is planned for.
        refused: A change was out of bounds (UserError); nothing changed.
        typed_wrong_changed: `typed_wrong` has another entry, or one less.
    """

    settings_changed = Signal()
    model_changed = Signal()
    data_changed = Signal()
    data_progress = Signal(str, float)
    plan_changed = Signal()
    device_changed = Signal()
    refused = Signal(object)
    typed_wrong_changed = Signal()

    def __init__(self, assistant: Assistant, settings: RunSettings | None = None) -> None:
        super().__init__()
        self.assistant = assistant
        self.settings = settings or RunSettings()
        self.model: ModelInfo | None = None
        self.model_error: UserError | None = None
        self.data: dict[str, Any] | None = None
        self.data_error: UserError | None = None
        self.devices: list[Device] = find_devices()
        self.device: Device = self.devices[0]
        self.measuring = False
        self.formulas: tuple[MemoryPlan, ...] = ()
        self.plans: tuple[MemoryPlan, ...] = ()
        self.plan: MemoryPlan | None = None
        self.shelf = PlanShelf()
        self._known = Known()
        self.last_change = ""
        self.typed_wrong: dict[str, Wrong] = {}
        self.lengths = RowLengths()
        self._undo = Undo()
        self._data_task: Task | None = None
        self._model_task: Task | None = None

    def start(self) -> None:
        """Read model and data for the first time."""
        self.read_model()
        self.read_data()

    # -- settings ---------------------------------------------------------------------------

    def change(self, changes: Mapping[str, Any], *, stroke: bool = False) -> bool:
        """Change settings by dotted key; return whether the new values are within bounds.

        Args:
            changes: New values by key.
            stroke: Part of a movement such as a drag or typing: changes of the same keys that
                follow each other closely are taken back as one.
        """
        keys = tuple(changes) if stroke else ()
        try:
            changed = self._undo.origin(self.settings, keys).with_changes(changes)
        except UserError as error:
            self.refused.emit(error)
            return False
        if changed != self.settings:
            self._undo.keep(self.settings, changed, keys)
            self._take(changed)
        return True

    def load(self, settings: RunSettings) -> None:
        """Take over all settings, such as those of an earlier run."""
        self._undo.push(self.settings)
        self._take(settings)

    def say_typed(self, key: str, wrong: Wrong | None) -> None:
        """Keep what is wrong with the value in a control; None if nothing is."""
        if self.typed_wrong.get(key) == wrong:
            return
        self.typed_wrong.pop(key, None)
        if wrong is not None:
            self.typed_wrong[key] = wrong
        self.typed_wrong_changed.emit()

    def mend(self, changes: Mapping[str, Any]) -> bool:
        """Change settings in the place of what was typed wrong into their controls."""
        changed = self.change(changes)
        if changed:
            for key in changes:
                self.say_typed(key, None)
        return changed

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return self._undo.previous is not None

    @property
    def previous(self) -> RunSettings | None:
        """The settings that undo would bring back, None where there is nothing to take back."""
        return self._undo.previous

    def undo(self) -> None:
        """Take the last change back."""
        before = self._undo.back(self.settings)
        if before is not None:
            self._take(before)

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        again = self._undo.forward(self.settings)
        if again is not None:
            self._take(again)

    def _take(self, settings: RunSettings) -> None:
        before, self.settings = self.settings, settings
        plan_before = self.formula
        if settings.model.source != before.model.source:
            self.read_model()
        self._make_plans()
        if plan_before is not None and self.formula is not None:
            self.last_change = difference(before, settings, plan_before, self.formula)
        self.settings_changed.emit()
        self.plan_changed.emit()
        if _decides_data(settings) != _decides_data(before):
            self.read_data()

    # -- model ------------------------------------------------------------------------------

    def target_names(self) -> tuple[str, ...]:
        """Return the modules that the settings target; empty if they match none."""
        return tuple(self.targets())

    def targets(self) -> dict[str, AdapterSettings]:
        """Return the same, each with the settings that hold for it (`rank_pattern`)."""
        return _targets(self.model, self.settings.adapter)

    def read_model(self) -> None:
        """Read the headers of the chosen model again."""
        self.model, self.model_error = None, None
        if self._model_task is not None:
            self._model_task.cancel()
        try:
            self.model = open_model(self.settings.model.source)
        except UserError as error:
            self.model_error = in_window_words(error)
            source = self.settings.model.source
            if isinstance(error, UnknownFamily):
                self._describe_in_worker(f"Building an outline of {Path(source).name} …")
            elif _looks_like_hub_id(source):
                self._describe_in_worker(f"Asking the hub about {source} …")
        self._make_plans()
        self.model_changed.emit()
        self.plan_changed.emit()

    def _describe_in_worker(self, meanwhile: str) -> None:
        source = self.settings.model.source
        self.model_error = UserError(meanwhile, "")

        def on_event(event: Event) -> None:
            if isinstance(event, Reply):
                self.model, self.model_error = from_json(event.data), None
            elif isinstance(event, RunEnded) and event.outcome != "finished":
                told = UserError(event.message, event.hint, event.details)
                self.model_error = in_window_words(told)
            else:
                return
            self._make_plans()
            self.model_changed.emit()
            self.plan_changed.emit()

        self._model_task = self.assistant.data.ask("describe_model", {"source": source}, on_event)

    # -- data -------------------------------------------------------------------------------

    def read_data(self) -> None:
        """Have the worker read and tokenise the data under the current settings."""
        if self._data_task is not None:
            self._data_task.cancel()
        self.data, self.data_error = None, None
        request = {
            "data": self.settings.data.model_dump(),
            "source": self.settings.model.source,
            "seed": self.settings.training.seed,
        }
        self._data_task = self.assistant.data.ask("dataset", request, self._on_data)
        self.data_changed.emit()

    def _on_data(self, event: Event) -> None:
        match event:
            case Progress():
                self.data_progress.emit(event.message, event.share)
            case Reply():
                self.data = event.data
                self._learn_lengths(RowLengths.from_json(event.data["lengths"]))
                self.data_changed.emit()
            case RunEnded() if event.outcome == "failed":
                told = UserError(event.message, event.hint, event.details)
                self.data_error = in_window_words(told)
                self.data_changed.emit()

    def _learn_lengths(self, lengths: RowLengths) -> None:
        if lengths != self.lengths:
            self.lengths = lengths
            self._make_plans()
            self.plan_changed.emit()

    # -- memory -----------------------------------------------------------------------------

    def choose_device(self, device: Device) -> None:
        """Plan for another device or card."""
        self.device = device
        self._make_plans()
        self.device_changed.emit()
        self.plan_changed.emit()

    def learn_types(self) -> None:
        """Plan with the number types that a worker has chosen on this computer meanwhile."""
        types = chosen_types(self.device.kind)
        if types != self.device.types:
            self.device = replace(self.device, types=types)
            self._make_plans()
            self.plan_changed.emit()

    def measure_devices(self) -> None:
        """Look again what is free on the devices of this computer, and what was measured there.

        Not while a run is alive, and nothing happens while one is measured: its memory would count
        as somebody else's.
        """
        if self.measuring:
            return
        self.devices = find_devices()
        for found in self.devices:
            same = (found.kind, found.index) == (self.device.kind, self.device.index)
            if same and found != self.device:
                self.choose_device(found)

    def plan_again(self) -> None:
        """Take up what has come to the shelf."""
        self._make_plans()
        self.plan_changed.emit()

    def _make_plans(self) -> None:
        if self.model is None or not self.target_names():
            self.formulas, self.plans, self.plan = (), (), None
            return
        self._known = known = self.known()
        self.formulas = plan_methods(self.model, self.settings, device=self.device, known=known)
        better = self.shelf.plans
        self.plans = tuple(better.get(self.subject(plan), plan) for plan in self.formulas)
        self.plan = self.plans[self._row]

    @property
    def _row(self) -> int:
        """Which of the methods is that of the settings."""
        return METHODS.index(method_of(self.settings.model))

    @property
    def formula(self) -> MemoryPlan | None:
        """The plan of the run by formula, whatever is known better; None without a plan."""
        return self.formulas[self._row] if self.formulas else None

    @property
    def is_known_better(self) -> bool:
        """Whether some method was traced or measured at these settings."""
        return any(plan.source != "formula" for plan in self.plans)

    @property
    def refusal(self) -> str:
        """Why the run as it stands cannot be traced; "" where it can, or nobody has tried."""
        return self.shelf.refused.get(self.subject(self.formula), "") if self.formula else ""

    @property
    def exhausted(self) -> str:
        """Where memory ran out when the run as it stands was measured; "" where it did not."""
        return self.shelf.exhausted.get(self.subject(self.formula), "") if self.formula else ""

    @property
    def rehearsal_key(self) -> str:
        """What a rehearsal of the run as it stands is kept as."""
        return rehearsal_key(self.settings, self.data)

    @property
    def rehearsal(self) -> "RehearsalFacts | None":
        """What a rehearsal of the run as it stands came to, None where there was none."""
        return self.shelf.rehearsals.get(self.rehearsal_key)

    def subject(self, formula: MemoryPlan) -> Subject:
        """Return what a plan of the session, by formula, is a plan of."""
        return subject(formula, self.settings, self._known, self.device)

    def known(self, settings: RunSettings | None = None) -> Known:
        """Return what the rows that were read last tell about the largest micro-batch."""
        chosen = settings or self.settings
        longest = self.lengths.longest_at(chosen.data.max_length)
        return Known.of_rows(*longest, chosen, self.lengths.tokens.as_counts)

    @property
    def has_all_rows(self) -> bool:
        """Whether all rows have been read and are there as tokens."""
        return self.data is not None and self.data["complete"] and bool(self.data["lengths"])

    def case(self) -> Case | None:
        """Return the run on the device that is planned for, None without a plan."""
        if self.model is None or self.plan is None:
            return None
        exact = self.plan if self.plan.source != "formula" else None
        longest = self.lengths.longest_at(self.settings.data.max_length)
        counts = self.lengths.tokens.as_counts
        return Case(self.model, self.settings, self.device, *longest, counts, exact=exact)


@lru_cache(maxsize=4)
def _targets(model: ModelInfo | None, adapter: AdapterSettings) -> dict[str, AdapterSettings]:
    if model is None:
        return {}
    try:
        return adapted(adapter, model.grid)
    except UserError:
        return {}


def _decides_data(settings: RunSettings) -> tuple[object, ...]:
    return settings.data, settings.model.source, settings.training.seed


def _looks_like_hub_id(source: str) -> bool:
    return source.count("/") == 1 and not Path(source).expanduser().exists()
