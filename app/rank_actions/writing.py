"""The foot of every panel that writes: runtime, new folder, button, and what came of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QLineEdit, QWidget

from app.amounts import with_unit
from app.assistant import Lane, Task
from app.pages.base import PageContext
from app.widgets.buttons import button
from app.widgets.controls import Segmented
from app.widgets.text import label
from core.events import Event, Progress, Reply, RunEnded
from core.exporters import EXPORTERS, AdapterProfile
from core.jobs.adapter import AdapterRequest
from core.jobs.base import JobRequest


class Writing(QWidget):
    """Asks the worker to write an adapter into a new folder.

    Args:
        request: Makes the request for a profile and a folder when the button is pressed.
        verb: The text of the button.
        job: What the worker is asked for.
        lane: The worker that is asked; None for that of data.
        profiles: Whether the runtime can be chosen.

    Signals:
        done: (Path) The folder is complete and was read back.
    """

    done = Signal(object)

    def __init__(
        self,
        context: PageContext,
        request: Callable[[str, str], JobRequest],
        *,
        verb: str,
        job: str = "adapter",
        lane: Lane | None = None,
        profiles: bool = True,
    ) -> None:
        super().__init__()
        self._context, self._request, self._job = context, request, job
        self._lane = lane or context.assistant.data
        self._task: Task | None = None
        theme = context.theme
        kinds = {name: EXPORTERS[name] for name in EXPORTERS}
        options = [(n, kind.title) for n, kind in kinds.items() if issubclass(kind, AdapterProfile)]
        self.profile = Segmented(options, theme=theme, name="For which program")
        self.profile.set_value(AdapterRequest.model_fields["profile"].default)
        self.profile.changed.connect(lambda _name: self._explain())
        self.profile.setVisible(profiles)
        self.about = label("", "small", "muted")
        self.about.setVisible(profiles)
        self.folder = QLineEdit()
        self.folder.setAccessibleName("New folder")
        self.folder.setObjectName("new_folder")
        choose = button("Choose…", theme=theme)
        choose.clicked.connect(self._on_choose)
        self.write = button(verb, theme=theme, icon="save")
        self.write.setObjectName("write_adapter")
        self.write.clicked.connect(self._on_write)
        self.cancel = button("Cancel", theme=theme)
        self.cancel.clicked.connect(self._on_cancel)
        self.cancel.hide()
        self.outcome = label("", "small", "muted", wrap=True)
        where = QHBoxLayout()
        where.setSpacing(8)
        for widget in (self.folder, choose, self.write, self.cancel):
            where.addWidget(widget, 1 if widget is self.folder else 0)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(12)
        layout.addWidget(self.profile, 0, 0)
        layout.addWidget(self.about, 0, 1)
        layout.addLayout(where, 1, 0, 1, 2)
        layout.addWidget(self.outcome, 2, 0, 1, 2)
        layout.setColumnStretch(1, 1)
        self._say("", "muted")
        self._explain()

    def propose(self, folder: Path) -> None:
        """Propose a folder that does not exist yet; what the user typed stays."""
        if not self.folder.isModified():
            number, free = 2, folder
            while free.exists():
                free = folder.with_name(f"{folder.name}-{number}")
                number += 1
            self.folder.setText(str(free))

    def allow(self, why_not: str) -> None:
        """Let the button be pressed, or say why not."""
        self.write.setEnabled(not why_not and self._task is None)
        if why_not:
            self._say(why_not, "danger")
        elif self.outcome.property("tone") == "danger":
            self._say("", "muted")

    def wait_for(self, missing: str) -> None:
        """Say what is still to be chosen; "" for nothing."""
        self.allow("")
        self.write.setEnabled(not missing and self._task is None)
        self.write.setToolTip(missing)

    def _explain(self) -> None:
        self.about.setText(EXPORTERS[self.profile.value].summary)

    def _on_choose(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "New folder", self.folder.text())
        if path:
            self.folder.setText(path)
            self.folder.setModified(True)

    def _on_write(self) -> None:
        request = self._request(self.profile.value, self.folder.text())
        self.write.setEnabled(False)
        self._say("Starting the worker …", "muted")
        self._task = self._lane.ask(self._job, request.model_dump(mode="json"), self._on_event)
        self.cancel.show()

    def _on_cancel(self) -> None:
        if self._task is not None:
            self._task.stop()  # whether it was still in time, the worker says
            self.cancel.setEnabled(False)
            self._say("Stopping …", "muted")

    def _end(self) -> None:
        self._task = None
        self.cancel.hide()
        self.cancel.setEnabled(True)
        self.write.setEnabled(True)

    def _on_event(self, event: Event) -> None:
        match event:
            case Progress():
                self._say(event.message, "muted")
            case Reply():
                self._say(_words(event.data), "ok")
                self.folder.setModified(False)
                self.done.emit(Path(event.data["path"]))
            case RunEnded():
                self._end()
                if event.outcome in ("stopped", "paused"):
                    self._say("Nothing was written.", "muted")
                elif event.outcome != "finished":
                    self._say(f"{event.message} {event.hint}", "danger")

    def _say(self, words: str, tone: str) -> None:
        self.outcome.setText(words)
        self.outcome.setVisible(bool(words))
        self.outcome.set_tone(tone)


def _words(written: dict[str, Any]) -> str:
    """Return what was written and how it was read back."""
    if "intruders" in written:
        return (
            f"Written: {written['intruders']} intruder dimensions in {written['modules']} modules "
            f"damped; the refit to the same rank left {written['residual']:.2%} of ‖ΔW‖ behind."
        )
    error = written.get("error", 0.0)
    near = f" ‖ΔW − ΔW_k‖/‖ΔW‖ is {error:.2g}." if error else ""
    largest = max(written["verified"].values(), default=0.0)
    runtimes = ", ".join(written["verified"])
    return (
        f"Written: {written['parameters']:,} parameters, {with_unit(written['size_bytes'])}. Read "
        f"back by the rule of {runtimes}: the same ΔW to {largest:.0e} of its size.{near}"
    )
