"""The card "Make it fit", or "Room to spare": changes to the run that are one click away."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.amounts import gib, with_unit
from app.session import Session
from app.style.theme import Theme
from app.widgets.buttons import IconLabel, button
from app.widgets.cards import Card, hairline
from app.widgets.device_chooser import short_name
from app.widgets.plan_rows import ANSWERS
from app.widgets.text import label
from app.words import plural
from core.memory.changes import signed_gib
from core.memory.make_it_fit import Fit, make_it_fit
from core.memory.proposals import Change, merged
from core.memory.spare import room_to_spare
from core.memory.verdict import judge
from core.settings import RunSettings


class ChangeRow(QWidget):
    """One change: what it is, what the peak becomes, what it costs, and the button for it alone.

    Signals:
        applied: The user wants this Change.
    """

    applied = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._change: Change | None = None
        self.words = label("", "label", wrap=True)
        self.gain = label("", "small")
        self.after = label("", "small", "muted")
        self.mark = IconLabel("", "text_2", theme=theme, size=12)
        self.cost = label("", "small", "muted", wrap=True)
        self.apply = button("Apply", theme=theme, small=True)
        self.apply.clicked.connect(lambda: self.applied.emit(self._change))
        amounts = QHBoxLayout()
        amounts.setSpacing(6)
        for made in (self.gain, self.after, self.mark):
            amounts.addWidget(made)
        amounts.addStretch(1)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        grid.addWidget(hairline(), 0, 0, 1, 2)
        grid.addWidget(self.words, 1, 0)
        grid.addWidget(self.apply, 1, 1, Qt.AlignmentFlag.AlignTop)
        grid.addLayout(amounts, 2, 0, 1, 2)
        grid.addWidget(self.cost, 3, 0, 1, 2)

    def show_change(self, change: Change, answer: str) -> None:
        """Show another change and the verdict after it."""
        self._change = change
        icon, token, words = ANSWERS[answer]
        self.words.setText(change.words)
        self.gain.setText(signed_gib(-change.gain_bytes))
        self.after.setText(f"→ {gib(change.plan.peak_bytes)} GiB")
        self.mark.set_icon(icon, token)
        self.mark.setToolTip(words)
        self.cost.setText(change.cost)
        self.apply.setAccessibleName(f"Apply: {change.words}")
        self.apply.setAccessibleDescription(f"{self.gain.text()}, {words.lower()}. {change.cost}")


class FitCard(Card):
    """What would make the run fit, or be had for the room that is left; each can be taken back."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__("Make it fit", " ")
        self.setObjectName("fit_card")
        self._theme, self._session = theme, session
        self._changes: Sequence[Change] = ()
        self._before: RunSettings | None = None
        self._after: RunSettings | None = None
        self._rows: list[ChangeRow] = []
        self._undo_line = self._make_undo()
        self.nothing = label("", "body", "muted", wrap=True)
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self.all = button("Make it fit", theme=theme, icon="check")
        self.all.setObjectName("make_it_fit")
        self.all.clicked.connect(self.apply_all)
        self.body.addWidget(self._undo_line)
        self.body.addWidget(self.nothing)
        self.body.addLayout(self._list)
        self.body.addWidget(self.all, 0, Qt.AlignmentFlag.AlignRight)
        self.body.addStretch(1)

    def refresh(self) -> Fit | None:
        """Show what there is to change now; return what makes the run fit."""
        case = self._session.case()
        fit = make_it_fit(case) if case is not None else None
        spare = case is not None and fit is not None and fit.needless
        changes = room_to_spare(case) if case and spare else fit.changes if fit else ()
        self.title.setText("Room to spare" if spare else "Make it fit")
        self.setAccessibleName(self.title.text())
        self.caption.set_full_text("faster or better, still fits" if spare else "least harm first")
        self.caption.setVisible(bool(changes))
        self._show_changes(changes)
        self.all.setText("Apply all" if spare else "Make it fit")
        self.all.setAccessibleName(self.all.text())
        self.nothing.setText("" if changes else _nothing_to_change(fit))
        self.nothing.setVisible(not changes)
        self._undo_line.setVisible(self._can_undo())
        return fit

    def apply_all(self) -> None:
        """Make all changes at once."""
        self._apply(self._changes)

    def _apply(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        settings, more = merged(changes), len(changes) - 1
        self._before = self._session.settings
        self._after = self._before.with_changes(settings)
        rest = f", and {plural(more, 'more change')}" if more else ""
        self._taken.setText(f"Applied: {changes[0].words}{rest}")
        self._session.change(settings)
        self.undo.setFocus(Qt.FocusReason.OtherFocusReason)

    def _can_undo(self) -> bool:
        """Whether undo would take back exactly what was applied here."""
        session = self._session
        made = self._after is not None and session.settings == self._after
        return made and session.previous == self._before

    def _show_changes(self, changes: Sequence[Change]) -> None:
        self._changes = changes
        while len(self._rows) < len(changes):
            row = ChangeRow(self._theme)
            row.applied.connect(lambda change: self._apply((change,)))
            self._rows.append(row)
            self._list.addWidget(row)
        for row in self._rows[len(changes) :]:
            row.hide()
        for row, change in zip(self._rows, changes, strict=False):
            row.show_change(change, judge(change.plan, self._session.device))
            row.show()
        self.all.setVisible(bool(changes))

    def _make_undo(self) -> QWidget:
        line = QWidget()
        layout = QHBoxLayout(line)
        layout.setContentsMargins(0, 0, 0, 0)
        self._taken = label("", "small", wrap=True)
        self.undo = button("Undo", theme=self._theme, icon="undo-2", small=True)
        self.undo.setObjectName("undo_fit")
        self.undo.clicked.connect(self._session.undo)
        layout.addWidget(self._taken, 1)
        layout.addWidget(self.undo, 0, Qt.AlignmentFlag.AlignTop)
        return line


def _nothing_to_change(fit: Fit | None) -> str:
    """Return why there is no change to propose."""
    if fit is None:
        return "Choose a model and at least one target layer."
    if fit.answer == "fits":
        return "It fits, and nothing that the free memory allows would make it faster or better."
    if fit.answer == "tight":
        return "Nothing here leaves more room. It is close, and worth a try."
    return f"{_failure(fit)} {_card(fit)}"


def _failure(fit: Fit) -> str:
    least = with_unit(fit.least_bytes)
    if fit.failure == "weights":
        return (
            "The weights alone are too large, as far as they can be rounded: with everything "
            f"given up the run needs {least}. Choose a smaller model."
        )
    return f"Rounded weights fit, but with everything given up the run still needs {least}."


def _card(fit: Fit) -> str:
    if fit.card is None:
        return "No card of the list would do."
    return f"The smallest card that would do is the {short_name(fit.card)}."
