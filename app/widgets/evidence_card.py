"""The card "How good was the plan on this machine?": predicted against measured, newest first."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.amounts import gib, off_by
from app.session import Session
from app.style.theme import Theme
from app.why import EVIDENCE
from app.widgets.cards import Card, hairline
from app.widgets.fields import WhyPanel, why_button
from app.widgets.text import ElidedLabel, Label, label
from app.words import date
from core.memory.devices import Device
from core.memory.measurements import Measurement, kept
from core.paths import measurements_file

SHOWN = 5
HEADS = ("GiB", "planned", "measured", "off")
NOTHING = (
    "Nothing was measured here yet. Every run adds a line when it ends, and so does the button "
    "“Measure” on this page."
)
GOOD = 0.1
"""Off by that share of what was measured a plan counts as good."""


class EvidenceCard(Card):
    """One line per run or probe on the device that is planned for."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__("How good was the plan on this machine?")
        self.setObjectName("evidence_card")
        self._session = session
        self._shown: tuple[object, ...] = ()
        self.nothing = label(NOTHING, "small", "muted", wrap=True)
        self.table = QWidget()
        self._lines = [_Line() for _ in range(SHOWN)]
        self._make_table()
        self.summary = label("", "small", "muted", wrap=True)
        self.panel = WhyPanel(EVIDENCE)
        self.header.addWidget(why_button(self.panel, "Planned against measured", theme=theme))
        for part in (self.panel, self.nothing, self.table, self.summary):
            self.body.addWidget(part)

    def refresh(self) -> None:
        """Show the newest measurements; does nothing while file and device are the same."""
        device = self._session.device
        shown = (device.kind, device.name, _version(measurements_file()))
        if shown == self._shown:
            return
        self._shown = shown
        found = [one for one in kept() if _is_of(one, device)]
        newest = found[::-1][:SHOWN]
        self.nothing.setVisible(not found)
        self.table.setVisible(bool(found))
        for line, one in zip(self._lines, [*newest, *[None] * SHOWN], strict=False):
            line.show_measurement(one)
        self.summary.setText(_summary(found))
        self.summary.setVisible(bool(found))
        words = [line.spoken for line in self._lines if line.spoken]
        self.table.setAccessibleDescription(". ".join(words))

    def _make_table(self) -> None:
        self.table.setAccessibleName("Planned against measured")
        grid = QGridLayout(self.table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(3)
        grid.setHorizontalSpacing(10)
        grid.setColumnStretch(0, 1)
        left = Qt.AlignmentFlag.AlignLeft
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for column, head in enumerate(HEADS):
            grid.addWidget(label(head, "caption", "muted"), 0, column, right if column else left)
        for index, line in enumerate(self._lines):
            row = 2 * index + 1
            grid.addWidget(line.rule, row, 0, 1, len(HEADS))
            grid.addWidget(line.name, row + 1, 0)
            for column, amount in enumerate(line.amounts, start=1):
                grid.addWidget(amount, row + 1, column, right)


class _Line:
    """The labels of one line.

    Attributes:
        spoken: The line in words, "" where it is empty.
    """

    def __init__(self) -> None:
        self.rule = hairline()
        self.name = ElidedLabel("", "small")
        self.amounts: list[Label] = [label("", "small") for _ in HEADS[1:]]
        self.spoken = ""

    def show_measurement(self, one: Measurement | None) -> None:
        """Show a measurement, or nothing."""
        for part in (self.rule, self.name, *self.amounts):
            part.setVisible(one is not None)
        self.spoken = ""
        if one is None:
            return
        what = f"Probe, {one.method}" if one.kind == "probe" else one.name
        off = off_by(one.predicted_bytes, one.measured_bytes)
        texts = gib(one.predicted_bytes), gib(one.measured_bytes), off
        self.name.set_full_text(what)
        self.name.setToolTip(f"{one.name}, {one.model}, {one.method}, {date(one.seconds)}")
        for amount, text in zip(self.amounts, texts, strict=True):
            amount.setText(text)
        self.amounts[-1].set_tone("ok" if _share_off(one) <= GOOD else "warn")
        self.spoken = f"{what}: planned {texts[0]}, measured {texts[1]}, off by {off}"


def _version(file: Path) -> tuple[int, int]:
    """Return what changes when something is added to a file."""
    try:
        known = file.stat()
    except OSError:
        return 0, 0
    return known.st_mtime_ns, known.st_size


def _summary(found: list[Measurement]) -> str:
    """Say how good the plans were on the whole."""
    if not found:
        return ""
    good = sum(_share_off(one) <= GOOD for one in found)
    return f"{good} of {len(found)} within 10 %. What lies outside of the tensors is learned here."


def _share_off(one: Measurement) -> float:
    return abs(one.predicted_bytes / one.measured_bytes - 1)


def _is_of(one: Measurement, device: Device) -> bool:
    """Tell whether it was measured on this device; for a card to plan for, all are shown."""
    same = (one.device, one.device_kind) == (device.name, device.kind)
    return same or device.kind == "card"
