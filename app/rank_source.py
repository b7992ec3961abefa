"""Which spectra the Ranks page shows: those of the run, step by step, or an adapter from disk."""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from core.errors import UserError
from core.run_folder import RunFolder

if TYPE_CHECKING:  # core.ranks brings NumPy, for which the first frame does not wait
    from core.ranks import AdapterFiles, AdapterSpectra, ModuleSpectrum

SLICE_SECONDS = 0.02
"""An adapter is read in slices between two of which the window draws and listens."""
KEPT = 64
"""Steps whose spectra stay in memory: some 100 kB each."""


class RankSource(QObject):
    """Loads spectra and holds the ones to be shown.

    Attributes:
        spectra: What is shown, or None.
        steps: The run's evaluated steps with spectra; empty for an adapter from disk.
        step: The shown one of them.
        opened: The folder opened from disk, or None while the run is shown.
        error: Why there is nothing to show, as far as there is a reason.

    Signals:
        changed: Any of the attributes changed.
        progressed: (done, total) modules of the adapter that is being read.
    """

    changed = Signal()
    progressed = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self.spectra: AdapterSpectra | None = None
        self.steps: list[int] = []
        self.step = -1
        self.opened: Path | None = None
        self.error: UserError | None = None
        self.run: RunFolder | None = None
        self._kept: dict[Path, AdapterSpectra] = {}
        self._files: AdapterFiles | None = None
        self._reading: Iterator[ModuleSpectrum] = iter(())
        self._read: list[ModuleSpectrum] = []
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._read_slice)

    @property
    def loading(self) -> bool:
        """Whether an adapter is being read."""
        return self._files is not None

    def shown_run(self) -> Path | None:
        """Return the folder of the run whose spectra are shown."""
        return self.run.path if self.run is not None and self.opened is None else None

    @property
    def best_step(self) -> int:
        """Step of the run's best checkpoint, or -1."""
        name = self.run.state().best if self.run is not None and self.opened is None else ""
        return int(name.rpartition("-")[2]) if name.startswith("step-") else -1

    def follow(self, run: RunFolder | None) -> None:
        """Show the newest spectra of a run; None shows nothing."""
        self.cancel()
        self.run, self.opened, self.error = run, None, None
        self._kept.clear()
        self.spectra, self.steps, self.step = None, [], -1
        self.refresh()

    def refresh(self) -> None:
        """Look for new steps; whoever looks at the newest one moves on to the newer one."""
        if self.opened is not None or self.loading:
            return
        at_newest = not self.steps or self.step == self.steps[-1]
        files = self.run.ranks_dir.glob("step-*.json") if self.run is not None else ()
        numbers = [file.stem.removeprefix("step-") for file in files]
        self.steps = sorted(int(number) for number in numbers if number.isdecimal())
        if self.steps and at_newest:
            self.show_step(self.steps[-1])
        else:
            self.changed.emit()

    def show_step(self, step: int) -> None:
        """Show the spectra of one of `steps`; of a damaged one only what is wrong with it."""
        try:
            self.spectra, self.error = self._load(step), None
        except UserError as error:
            self.spectra, self.error = None, error
        self.step = step
        self.changed.emit()

    def spectra_of(self, step: int) -> "AdapterSpectra | None":
        """Return the spectra of one of `steps`, None where they cannot be read."""
        try:
            return self._load(step) if step in self.steps else None
        except UserError:
            return None

    def _load(self, step: int) -> "AdapterSpectra":
        from core.ranks import load_ranks

        assert self.run is not None
        file = self.run.ranks_dir / f"step-{step:08d}.json"
        if file not in self._kept:
            self._kept[file] = load_ranks(file)
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return self._kept[file]

    def open_adapter(self, path: Path) -> None:
        """Begin to read a PEFT folder; what is shown stays until it has been read."""
        self.cancel()
        try:
            from core.ranks import AdapterFiles

            self._files = AdapterFiles(path)
        except UserError as error:
            self.error = error
            self.changed.emit()
            return
        self._reading, self._read = iter(self._files), []
        self._timer.start()

    def cancel(self) -> None:
        """Stop reading an adapter."""
        self._timer.stop()
        self._files = None

    def _read_slice(self) -> None:
        files, until = self._files, perf_counter() + SLICE_SECONDS
        assert files is not None
        try:
            while perf_counter() < until:
                module = next(self._reading, None)
                if module is None:
                    self._finish(files)
                    return
                self._read.append(module)
        except UserError as error:
            self.cancel()
            self.error = error
            self.changed.emit()
            return
        self.progressed.emit(len(self._read), files.total)

    def _finish(self, files: "AdapterFiles") -> None:
        self.cancel()
        if not self._read:
            self.error = UserError(
                f"{files.folder.name} has no spectrum: it multiplies by vectors (IA³).",
                "`rankscope ranks` prints them.",
            )
            self.changed.emit()
            return
        self.spectra = files.spectra(self._read)
        self.opened, self.error = files.folder, None
        self.steps, self.step = [], -1
        self.changed.emit()
