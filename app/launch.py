"""Whether training may start, under which label, and what happens on Start.

A start waits for the checks that are under way; if they find something new, it is not made.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.amounts import gib, tight_words
from app.preflight import Preflight
from app.run_controller import RunController
from app.run_state import FACES, RunPhase
from app.session import Session
from app.setting_words import titled
from core.errors import UserError
from core.memory.verdict import verdict
from core.paths import runs_dir

if TYPE_CHECKING:
    from core.checks import CheckResult

MEMORY_CHECK = "memory-fits"
"""This check is put in the words of the memory strip, which stands beside it."""
TYPED = "Type another value, or take the one that is offered."
CHECK_AFTER_MS = 200
"""Checks wait until the settings have stood still for so long."""


class Launch(QObject):
    """The preflight checks and the first button of the run bar.

    Signals:
        changed: `results`, `label` or `enabled` may be others. GUI thread.
    """

    changed = Signal()

    def __init__(self, session: Session, run: RunController) -> None:
        super().__init__()
        self._session, self._run = session, run
        self.preflight = Preflight(session)
        self.preflight.changed.connect(self._on_preflight)
        self.results: list[CheckResult] = []
        self._quick: list[CheckResult] = []
        self._waits, self._accepted = False, set[str]()
        self._timer = QTimer(self, singleShot=True, interval=CHECK_AFTER_MS)
        self._timer.timeout.connect(self.check)
        for signal in (session.settings_changed, session.model_changed, session.data_changed):
            signal.connect(self._on_change)
        session.typed_wrong_changed.connect(self._timer.start)
        session.plan_changed.connect(self._on_plan)
        run.phase_changed.connect(self.changed)

    @property
    def blocks(self) -> "list[CheckResult]":
        """The checks that forbid a start."""
        return [result for result in self.results if result.level == "block"]

    @property
    def warnings(self) -> list[str]:
        """What speaks against a start without forbidding it, one sentence each."""
        found = [
            titled(result.message)
            for result in self.results
            if result.level == "warn" and result.id != MEMORY_CHECK
        ]
        found += (self._session.data or {}).get("warnings", [])
        memory = self._memory_warning()
        return [memory, *found] if memory else found

    @property
    def label(self) -> str:
        """What the first button says."""
        start = FACES[self._run.phase].start
        if self._waits:
            return "Start now"
        if start.startswith("Start") and self.enabled and self.warnings:
            return "Start anyway"
        return start or "Start"

    @property
    def enabled(self) -> bool:
        """Whether the first button can be pressed."""
        if not FACES[self._run.phase].start:
            return False
        return self._resumes or (self._session.model is not None and not self.blocks)

    @property
    def primary(self) -> bool:
        """Whether Start is the one sensible next step, and so the filled button."""
        ready = self._run.phase in (RunPhase.READY, RunPhase.PAUSED, RunPhase.INTERRUPTED)
        return self.enabled and ready and (self._resumes or not self.warnings)

    @property
    def why_not(self) -> str:
        """Why the run does not start, or an empty text."""
        if self._waits:
            return "It starts as soon as the checks are done."
        if self._run.alive or self.enabled:
            return ""
        if self._session.model is None:
            error = self._session.model_error
            return titled(error.message) if error else "Choose a model first."
        if not self.blocks:
            return ""
        return titled(f"{self.blocks[0].message} {self.blocks[0].fix}".strip())

    def check(self) -> None:
        """Run the checks now."""
        # slow to import: after the first frame
        from core.checks import CheckContext, CheckResult, run_checks

        self._timer.stop()
        session = self._session
        context = CheckContext(
            settings=session.settings,
            model=session.model,
            model_error=session.model_error,
            data_error=self._data_error(),
            device=session.device,
            rehearsal=session.rehearsal,
            free_disk_bytes=free_bytes(runs_dir()),
            runs=runs_dir(),
        )
        wrong = [
            CheckResult(
                id=key, level="block", message=wrong.words, fix=TYPED, changes={key: wrong.instead}
            )
            for key, wrong in session.typed_wrong.items()
        ]
        self._quick = wrong + run_checks(context)
        self._tell_run()
        self._merge()

    def _data_error(self) -> UserError | None:
        """Return why there are no rows; rows as tokens need the model, whose error says it all."""
        data, model = self._session.data_error, self._session.model_error
        return None if data and model and data.message == model.message else data

    def _merge(self) -> None:
        """Put the worker's word in the place of what the window can tell by itself."""
        found = {result.id: result for result in (*self._quick, *self.preflight.results)}
        self.results = list(found.values())
        if found:
            from core.checks import most_serious_first

            self.results = most_serious_first(found.values())
        self.changed.emit()

    def press(self) -> None:
        """Do what the first button says."""
        if not self.enabled:
            return
        if self._resumes:
            self._run.resume()
            return
        self.check()
        self._waits = self.preflight.pending and not self._waits
        self._accepted = set(self.warnings)
        if self._waits:
            self.changed.emit()
        elif not self.blocks:
            self._run.start(self._session.settings)

    def _on_preflight(self) -> None:
        self._merge()
        if self._waits and not self.preflight.pending:
            self._waits = False
            if self.blocks or set(self.warnings) - self._accepted:
                self.changed.emit()
            else:
                self._run.start(self._session.settings)

    def _on_change(self) -> None:
        """A start that waits was meant for other settings."""
        self._waits = False
        self._timer.start()

    @property
    def _resumes(self) -> bool:
        """Whether the first button goes on with the run; after a failure it starts another one."""
        return self._run.resumable and self._run.phase is not RunPhase.FAILED

    def _on_plan(self) -> None:
        self._tell_run()
        self.changed.emit()
        self._timer.start()

    def _tell_run(self) -> None:
        session = self._session
        if session.model is None:
            error = session.model_error
            self._run.set_ready(False, titled(error.message) if error else "")
        else:
            self._run.set_ready(True, self._plan_in_words())

    def _plan_in_words(self) -> str:
        settings = self._session.settings
        rows = settings.training.micro_batch * settings.training.accumulation
        return f"{settings.training.steps:,} steps of {rows:,} rows"

    def _memory_warning(self) -> str:
        plan, device = self._session.plan, self._session.device
        if plan is None or device.kind == "card":
            return ""
        judged = verdict(plan, device)
        if judged.answer == "does not fit":
            return f"{plan.label} needs {gib(-judged.left_bytes)} GiB more than is free"
        if judged.answer == "tight":
            return f"{plan.label} is tight: {tight_words(judged)}"
        return ""


def free_bytes(folder: Path) -> int:
    """Return the free space where `folder` is, or would be."""
    place = next(path for path in (folder, *folder.parents) if path.is_dir())
    return shutil.disk_usage(place).free
