"""Merge: the sum of this adapter and others, each as strongly as its weight says."""

from functools import partial
from pathlib import Path
from typing import ClassVar

from PySide6.QtWidgets import QGridLayout

from app.rank_actions.base import RankAction
from app.rank_actions.writing import Writing
from app.widgets.adapter_chooser import AdapterChooser
from app.widgets.buttons import icon_button
from app.widgets.controls import CheckBox, DoubleSpinBox
from app.widgets.text import ElidedLabel, label
from core.jobs.adapter import AdapterRequest

WORDS = (
    "Adds the updates themselves, Σ w·ΔW, whatever scaling each was trained with: exact, with as "
    "many directions as all have together. A negative weight takes away what was learned."
)


class MergeAction(RankAction):
    """Adds other adapters of the same base model; what is too much can be cut."""

    title: ClassVar[str] = "Merge with others"
    icon: ClassVar[str] = "layers"

    def offered(self) -> bool:
        """Only files that are there can be added."""
        spectra = self.desk.spectra
        return spectra is not None and spectra.trained and self.evidence.adapter is not None

    def build(self) -> None:
        """Make the list of adapters, the choice of what stays, and the foot that writes."""
        theme = self.context.theme
        card = self.make_card()
        self.others: list[Path] = []
        self.weights = [self._weight("this adapter")]
        self.add = AdapterChooser(
            "Add", theme=theme, icon="plus", shown=self.desk.source.shown_run, small=True
        )
        self.add.chosen.connect(self.add_adapter)
        self.cut = CheckBox("")
        self.cut.toggled.connect(lambda _on: self.draw())
        self.writing = Writing(self.context, self._request, verb="Write the sum")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        card.body.addWidget(label(WORDS, wrap=True))
        card.body.addLayout(self._grid)
        card.body.addWidget(self.cut)
        card.body.addWidget(self.writing)

    def draw(self) -> None:
        """Show what is added, and what the sum would be called."""
        self._fill()
        k = max(self.desk.k, 1)
        self.cut.setText(f"Keep the {k} strongest directions of each module, not all")
        self.writing.wait_for("" if self.others else "Add an adapter of the same base model.")
        adapter = self.evidence.adapter
        if adapter is not None:
            self.writing.propose(adapter.with_name(f"{adapter.name}-merged"))

    def move_k(self) -> None:
        """Offer another k."""
        self.draw()

    def add_adapter(self, path: Path) -> None:
        """Add one to the sum, at full strength."""
        self.others.append(path)
        self.weights.append(self._weight(path.name))
        self.draw()

    def remove(self, place: int) -> None:
        """Take one out of the sum."""
        del self.others[place]
        self.weights.pop(place + 1).deleteLater()
        self.draw()

    def _weight(self, of: str) -> DoubleSpinBox:
        made = DoubleSpinBox(-9.0, 9.0, 1.0)
        made.setPrefix("× ")
        made.setSingleStep(0.1)
        made.setAccessibleName(f"Weight of {of}")
        return made

    def _fill(self) -> None:
        """Lay out one line for each adapter, and the button that adds one more."""
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None and widget is not self.add and widget not in self.weights:
                widget.deleteLater()
        spectra = self.desk.spectra
        names = [spectra.adapter.name if spectra is not None else ""]
        names += [_name(path) for path in self.others]
        for row, (name, weight) in enumerate(zip(names, self.weights, strict=True)):
            self._grid.addWidget(weight, row, 0)
            self._grid.addWidget(ElidedLabel(name, "small"), row, 1)
            if row:
                out = icon_button("x", f"Take {name} out", theme=self.context.theme)
                out.clicked.connect(partial(self.remove, row - 1))
                self._grid.addWidget(out, row, 2)
        self._grid.addWidget(self.add, len(names), 0)

    def _request(self, profile: str, folder: str) -> AdapterRequest:
        return AdapterRequest(
            adapter=str(self.evidence.adapter),
            out=folder,
            action="merge",
            way="rank" if self.cut.isChecked() else "everything",
            value=float(max(self.desk.k, 1)),
            others=tuple(map(str, self.others)),
            weights=tuple(weight.value() for weight in self.weights),
            profile=profile,
        )


def _name(path: Path) -> str:
    """Return what an adapter is called: the folder "adapter" of a run has the run's name."""
    return path.parent.name if path.name == "adapter" else path.name
