"""The run that the window shows: starts it, listens to it, stops it, finds it again."""

from dataclasses import replace
from pathlib import Path
from time import monotonic

from PySide6.QtCore import QObject, QTimer, Signal

from app.preferences import Preferences
from app.run_state import ALIVE, RESUMABLE, RunPhase
from app.training_thread import FollowThread, WorkerThread, read_events
from app.worker_pool import WorkerPool
from core.errors import UserError
from core.events import (
    OUTCOMES,
    Event,
    MemoryMeasured,
    Progress,
    RunEnded,
    RunStarted,
    StepDone,
)
from core.history import History
from core.paths import runs_dir
from core.run_folder import RunFolder, RunState, list_runs, new_run_path
from core.settings import RunSettings

KILL_AFTER_MS = 5000
STOPPED_NOW = "Stopped at once, as you asked: the worker did not end by itself within 5 s."


class _Ear(QObject):
    """Hears one thread until it is told to stop; events under way are then dropped."""

    heard = Signal(object)

    def __init__(self, thread: WorkerThread | FollowThread) -> None:
        super().__init__()
        self._open = True
        thread.event_arrived.connect(self._on_event)

    def close(self) -> None:
        """Hear nothing any more."""
        self._open = False

    def _on_event(self, _job: int, event: Event) -> None:
        if self._open:
            self.heard.emit(event)


class RunController(QObject):
    """Owns the current run.

    Signals (all in the GUI thread):
        run_changed: Another run is shown, or none; `run`, `history` and `events` are its own.
        phase_changed: `phase` or `detail` changed.
        event_arrived: An event of the current run, after `history` has taken it in.
        refused: Something could not be done (UserError).
    """

    run_changed = Signal()
    phase_changed = Signal()
    event_arrived = Signal(object)
    refused = Signal(object)

    def __init__(self, pool: WorkerPool, preferences: Preferences) -> None:
        super().__init__()
        self._pool = pool
        self._preferences = preferences
        self._thread: WorkerThread | FollowThread | None = None
        self._ear: _Ear | None = None
        self._job_id: int | None = None
        self.run: RunFolder | None = None
        self.settings: RunSettings | None = None
        self.measured_bytes = 0
        self.predicted_bytes = 0
        self._offset = 0
        self._killed = False
        self.history = History()
        self.events: list[Event] = []
        self.phase = RunPhase.NO_PLAN
        self.detail = ""
        self._heard = monotonic()
        self._killer = QTimer(self, singleShot=True, interval=KILL_AFTER_MS)
        self._killer.timeout.connect(self._kill)

    @property
    def alive(self) -> bool:
        """Whether a worker is at work on the current run."""
        return self.phase in ALIVE

    @property
    def silent_seconds(self) -> float:
        """How long the worker has said nothing; 0 where none is at work."""
        return monotonic() - self._heard if self.alive else 0.0

    @property
    def resumable(self) -> bool:
        """Whether the current run can go on; a failed one can where it has a checkpoint."""
        if self.run is None:
            return False
        failed = self.phase is RunPhase.FAILED and bool(self.run.checkpoints())
        return self.phase in RESUMABLE or failed

    @property
    def state(self) -> RunState:
        """What the run folder says, or an empty state without a run."""
        return self.run.state() if self.run is not None else RunState()

    def set_ready(self, ready: bool, detail: str) -> None:
        """Tell whether the draft could be started; matters only while no run is shown."""
        if self.run is None:
            self._set_phase(RunPhase.READY if ready else RunPhase.NO_PLAN, detail)

    def start(self, settings: RunSettings) -> None:
        """Create the run folder, then train in a worker."""
        if self.alive:
            return
        try:
            run = RunFolder.create(new_run_path(runs_dir(), settings.name), settings)
        except UserError as error:
            self.refused.emit(error)
            return
        self._show(run)
        self._train(resume=False)

    def resume(self) -> None:
        """Go on from the newest complete checkpoint."""
        if self.resumable:
            self._train(resume=True)

    def pause(self) -> None:
        """Save a checkpoint and free the device."""
        if self._thread is not None and self.phase is RunPhase.RUNNING:
            self._thread.ask("pause", self._job_id)
            self._set_phase(RunPhase.PAUSING, "saving a checkpoint")

    def stop(self) -> None:
        """Save what there is and end."""
        if self._thread is not None and self.alive:
            self._thread.ask("stop", self._job_id)
            self._set_phase(RunPhase.STOPPING, "saving")

    def stop_now(self) -> None:
        """Ask once, and kill the worker if it does not end soon."""
        if self._thread is not None and self.alive:
            for _ in range(2):  # the second one leaves out the proof
                self._thread.ask("stop", self._job_id)
            self._set_phase(RunPhase.STOPPING, "ending the worker within 5 s")
            self._killer.start()

    def open(self, path: Path) -> None:
        """Show a run from the disk; one that is still going on is followed."""
        if self.alive and self.run is not None and self.run.path == path:
            return
        try:
            run = RunFolder.open(path)
        except UserError as error:
            self.refused.emit(error)
            return
        self.leave()
        state = run.state()  # before the events: a run that ends in between is followed to its end
        self._show(run)
        if state.phase == "running":
            self._job_id = None
            follower = self._pool.follow(run, self._offset)
            self._listen(follower)
            follower.start()
            self._set_phase(RunPhase.RUNNING, f"step {state.step}")
        elif state.phase == "created":
            self._set_phase(RunPhase.INTERRUPTED, "has not begun yet")
        else:
            self._set_phase(RunPhase(state.phase), _words(state))

    def close_run(self) -> None:
        """Show no run, so that the draft can be started."""
        self.leave()
        self.run, self.settings = None, None
        self.history, self.events, self.measured_bytes = History(), [], 0
        self.run_changed.emit()
        self._set_phase(RunPhase.READY, "")

    def reattach(self) -> None:
        """Find a run that is still going on, from an earlier window, and follow it."""
        for run in list_runs(runs_dir()):
            if run.state().phase == "running":
                self.open(run.path)
                return

    def leave(self) -> None:
        """Stop listening to the current run; if it is going on, it goes on.

        One that was to be stopped now is ended first: later the killer would meet another run.
        """
        if self._killer.isActive():
            self._killer.stop()
            self._kill()
        if self._thread is not None:
            self._thread.leave()
            self._hush()

    @property
    def own_worker(self) -> WorkerThread | None:
        """The worker of the current run, if this window started it."""
        return self._thread if isinstance(self._thread, WorkerThread) else None

    def _show(self, run: RunFolder) -> None:
        self.run = run
        self.settings = _settings(run)
        self.events, self._offset = read_events(run)
        self.history = History(self.events)
        self.measured_bytes, self.predicted_bytes = 0, 0
        for event in self.events:
            self._measure(event)
        self.run_changed.emit()

    def _train(self, *, resume: bool) -> None:
        assert self.run is not None
        self._killed, self._heard = False, monotonic()
        worker = self._pool.take()
        self._listen(worker)
        request = {
            "run": str(self.run.path),
            "resume": resume,
            "keep_awake": self._preferences.keep_awake,
            "own_log": True,
        }
        self._job_id = worker.submit("train", request)
        worker.quit_after_job()
        self._set_phase(RunPhase.PREPARING, "starting the worker")

    def _listen(self, thread: WorkerThread | FollowThread) -> None:
        self._thread = thread
        self._ear = _Ear(thread)
        self._ear.heard.connect(self._on_event)

    def _hush(self) -> None:
        if self._ear is not None:
            self._ear.close()
        self._thread, self._ear = None, None

    def _on_event(self, event: Event) -> None:
        if isinstance(event, RunEnded) and event.outcome == "interrupted" and self.run is not None:
            event = replace(event, details=self.run.log_tail() or event.details)
            if self._killed:
                event = replace(event, message=STOPPED_NOW, hint=self._what_is_kept())
        self._heard = monotonic()
        self.events.append(event)
        self.history.append(event)
        self._measure(event)
        match event:
            case RunStarted() if self.phase is RunPhase.PREPARING:
                self._set_phase(RunPhase.RUNNING, f"step {event.first_step}")
            case Progress() if self.phase is RunPhase.PREPARING:
                self._set_phase(RunPhase.PREPARING, event.message)
            case RunEnded():
                self._on_ended(event)
        self.event_arrived.emit(event)

    def _measure(self, event: Event) -> None:
        """Keep the measured peak: that of the whole run, or while it goes on the one so far."""
        if isinstance(event, MemoryMeasured):
            self.measured_bytes = event.measured_bytes
            self.predicted_bytes = event.predicted_bytes
        elif isinstance(event, StepDone):
            self.measured_bytes = max(self.measured_bytes, event.memory_bytes)

    def _on_ended(self, event: RunEnded) -> None:
        self._killer.stop()
        self._hush()
        outcome = event.outcome if event.outcome in OUTCOMES else "failed"
        self._set_phase(RunPhase(outcome), event.message or _words(self.state))
        self._pool.warm_up()

    def _kill(self) -> None:
        if self._thread is not None:
            self._killed = True
            self._thread.kill()

    def _what_is_kept(self) -> str:
        """Say what a worker that was killed has left."""
        if self.run is not None and self.run.checkpoints():
            return "Everything up to the last checkpoint is kept. Resume to go on from there."
        return "There was no checkpoint yet. Resume to begin again."

    def _set_phase(self, phase: RunPhase, detail: str) -> None:
        if (phase, detail) == (self.phase, self.detail):
            return
        self.phase, self.detail = phase, detail
        self.phase_changed.emit()


def _settings(run: RunFolder) -> RunSettings | None:
    """Return the settings of a run, None where its file was spoilt by hand."""
    try:
        return run.settings
    except UserError:
        return None


def _words(state: RunState) -> str:
    if state.message:
        return state.message
    words = f"step {state.step} of {state.total_steps}"
    if state.best_loss is not None:
        words += f", best validation loss {state.best_loss:.3f}"
    return words
