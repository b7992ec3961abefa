"""The runs on the disk as rows of a table."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.words import duration
from core.adapters import ADAPTERS
from core.errors import UserError
from core.events import Evaluated, events_in
from core.run_folder import RunFolder, RunState, list_runs, started_at
from core.settings import RunSettings


@dataclass(frozen=True)
class RunRow:
    """One run.

    Attributes:
        settings: None where its run.toml cannot be read; `error` says why.
        losses: Step and validation loss of every evaluation.
        seconds: From the first event to the last.
    """

    run: RunFolder
    state: RunState
    settings: RunSettings | None
    error: str
    started: datetime
    size_bytes: int
    losses: tuple[tuple[int, float], ...]
    seconds: float

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.run.path.name

    @property
    def method(self) -> str:
        """Such as LoRA r 16, or QLoRA 4-bit r 16."""
        if self.settings is None:
            return ""
        adapter, bits = self.settings.adapter, self.settings.model.bits
        title = ADAPTERS[adapter.method].title
        words = title if bits == 16 else f"Q{title} {bits}-bit"
        rank = getattr(adapter, "rank", None)
        return f"{words} r {rank}" if rank else words

    @property
    def lasted(self) -> str:
        """How long it has trained, in words."""
        return duration(self.seconds) if self.seconds else ""


def read_rows(root: Path) -> list[RunRow]:
    """Return all runs, newest first; a damaged one is among them and says what is wrong."""
    return [read_row(run) for run in list_runs(root)]


def read_row(run: RunFolder) -> RunRow:
    """Return one run."""
    settings, error = None, ""
    try:
        settings = run.settings
    except UserError as problem:
        error = problem.message
    lines = run.event_lines()
    ends = [event.seconds for event in events_in([*lines[:1], *lines[-1:]])]
    return RunRow(
        run=run,
        state=run.state(),
        settings=settings,
        error=error,
        started=started_at(run),
        size_bytes=sum(file.stat().st_size for file in run.path.rglob("*") if file.is_file()),
        losses=_losses(lines),
        seconds=ends[-1] - ends[0] if ends else 0.0,
    )


def differences(settings: RunSettings, other: RunSettings) -> list[tuple[str, Any, Any]]:
    """Return key, value here and value there of all settings that differ, the name left out."""
    here, there = _flat(settings.model_dump()), _flat(other.model_dump())
    keys = [key for key in dict.fromkeys((*here, *there)) if key != "name"]
    return [(k, here.get(k), there.get(k)) for k in keys if here.get(k) != there.get(k)]


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _losses(lines: list[str]) -> tuple[tuple[int, float], ...]:
    """Return step and validation loss of all evaluations, without reading every step."""
    found = events_in(line for line in lines if f'"{Evaluated.name}"' in line)
    return tuple((event.step, event.loss) for event in found if isinstance(event, Evaluated))
