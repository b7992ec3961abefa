"""Which adapters there are to talk to: of the run that is shown, and of the library."""

from dataclasses import dataclass
from pathlib import Path

from core.errors import UserError
from core.run_folder import RunFolder, RunState, list_runs
from core.settings import ModelSettings


@dataclass(frozen=True)
class AdapterChoice:
    """An adapter and the base model that it belongs to.

    Attributes:
        label: What the list calls it.
        path: Its PEFT folder; empty for the base model alone.
        model: The base model and its precision.
    """

    label: str
    path: str
    model: ModelSettings


def choice_of(run: RunFolder) -> AdapterChoice | None:
    """Return the best adapter of a run: the deliverable, else a checkpoint; None before both."""
    state = run.state()
    folder = _adapter_folder(run, state)
    if folder is None:
        return None
    try:
        model = run.settings.model
    except UserError:
        return None
    what = "best" if folder == run.adapter_dir or folder.name == state.best else "newest"
    step = state.best if what == "best" and state.best else state.last
    number = f", step {int(step.removeprefix('step-'))}" if step else ""
    return AdapterChoice(f"{run.path.name} · {what}{number}", str(folder), model)


def choices(runs: Path, shown: RunFolder | None) -> list[AdapterChoice]:
    """Return the adapters of all runs, that of the run `shown` first, then the newest."""
    library = [run for run in list_runs(runs) if shown is None or run.path != shown.path]
    ordered = [*([shown] if shown is not None else []), *library]
    return [choice for run in ordered if (choice := choice_of(run)) is not None]


def _adapter_folder(run: RunFolder, state: RunState) -> Path | None:
    places = [run.adapter_dir]
    places += [run.checkpoints_dir / name for name in (state.best, state.last) if name]
    for place in places:
        if (place / "adapter_config.json").is_file():
            return place
    return None
