"""Convert and extract: a LoRA of what is no LoRA, with the error that this costs."""

from pathlib import Path
from typing import ClassVar

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit

from app.rank_actions.base import RankAction
from app.rank_actions.writing import Writing
from app.widgets.buttons import button
from app.widgets.controls import SpinBox
from app.widgets.text import label
from core.jobs.dense import DenseRequest

PLAIN = ("lora", "rslora")
"""Families that are LoRA already."""
EXACT = "Its factors are written as B and A: the same ΔW, to rounding."
DORA = (
    "With its lengths a DoRA adapter changes W in full rank. The best approximation of this rank "
    "is written, and its error told; twice the rank of the adapter is a good start."
)
EXTRACT = (
    "What full fine-tuning changed in the matrices of a model becomes a LoRA on the chosen model: "
    "the best approximation of this rank, with its error."
)
LARGEST = 512


class DenseAction(RankAction):
    """An action of the job `dense`: a rank, and a foot that writes."""

    words: ClassVar[str]

    def make_line(self, start: int, verb: str) -> QHBoxLayout:
        """Make the words, the rank and the foot; return their line."""
        card = self.make_card()
        self.words_label = label(self.words, wrap=True)
        self.rank = SpinBox(1, LARGEST, min(start, LARGEST))
        self.rank.setPrefix("rank ")
        self.rank.setAccessibleName("Rank of the new adapter")
        self.writing = Writing(self.context, self.request, verb=verb, job="dense")
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(self.words_label, 1)
        line.addWidget(self.rank)
        card.body.addLayout(line)
        card.body.addWidget(self.writing)
        return line

    def request(self, profile: str, folder: str) -> DenseRequest:
        """Return what the worker is asked for."""
        raise NotImplementedError


class ConvertAction(DenseAction):
    """DoRA, LoHa, LoKr, AdaLoRA or VeRA as a LoRA that every runtime reads."""

    title: ClassVar[str] = "Convert to LoRA"
    icon: ClassVar[str] = "wand-sparkles"
    words: ClassVar[str] = EXACT

    def offered(self) -> bool:
        """Only what was trained and is no LoRA."""
        spectra = self.desk.spectra
        foreign = spectra is not None and spectra.trained and spectra.adapter.family not in PLAIN
        return foreign and self.evidence.adapter is not None

    def build(self) -> None:
        """Make the explanation, the rank and the foot."""
        self.make_line(2 * self.desk.largest_k, "Write the LoRA")

    def draw(self) -> None:
        """Say how exact it will be, and propose a folder."""
        spectra, adapter = self.desk.spectra, self.evidence.adapter
        is_dora = spectra is not None and "dora" in spectra.adapter.family
        self.words_label.setText(DORA if is_dora else EXACT)
        self.rank.setVisible(is_dora)
        stranger = self.evidence.stranger
        self.writing.allow(f"{stranger.message} {stranger.hint}" if stranger is not None else "")
        if adapter is not None:
            self.writing.propose(adapter.with_name(f"{adapter.name}-lora"))

    def request(self, profile: str, folder: str) -> DenseRequest:
        """Ask for the shown adapter, with its base model."""
        return DenseRequest(
            action="convert",
            other=str(self.evidence.adapter),
            base=self.evidence.settings.model.source,
            rank=self.rank.value(),
            out=folder,
            profile=profile,
        )


class ExtractAction(DenseAction):
    """A LoRA of two models: of the chosen one, and one that was fine-tuned from it."""

    title: ClassVar[str] = "Extract from a model"
    icon: ClassVar[str] = "package"
    words: ClassVar[str] = EXTRACT

    def offered(self) -> bool:
        """Wherever there is a model to take away from."""
        return self.context.session.model is not None

    def build(self) -> None:
        """Make the explanation, the choice of the tuned model, the rank and the foot."""
        line = self.make_line(64, "Write the LoRA")
        self.tuned = QLineEdit()
        self.tuned.setPlaceholderText("folder of the fine-tuned model")
        self.tuned.setAccessibleName("Folder of the fine-tuned model")
        self.tuned.setMinimumWidth(220)
        self.tuned.textChanged.connect(lambda _text: self.draw())
        choose = button("Choose…", theme=self.context.theme)
        choose.clicked.connect(self._on_choose)
        line.insertWidget(1, self.tuned)
        line.insertWidget(2, choose)

    def draw(self) -> None:
        """Propose a folder beside the tuned model."""
        tuned = self.tuned.text().strip()
        self.writing.wait_for("" if tuned else "Choose the model that was fine-tuned.")
        if tuned:
            self.writing.propose(Path(tuned).with_name(f"{Path(tuned).name}-lora"))

    def _on_choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "The model that was fine-tuned")
        if folder:
            self.tuned.setText(folder)

    def request(self, profile: str, folder: str) -> DenseRequest:
        """Ask for the tuned model minus the chosen one."""
        return DenseRequest(
            action="extract",
            other=self.tuned.text().strip(),
            base=self.context.session.settings.model.source,
            rank=self.rank.value(),
            out=folder,
            profile=profile,
        )
