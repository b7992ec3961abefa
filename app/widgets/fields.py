"""Rows of a form: label, "Why?", control, and what is wrong with the value, all in place."""

from typing import Any, Protocol, cast

from PySide6.QtCore import Qt, SignalInstance
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.session import Session
from app.setting_field import SettingField, Wrong, setting_field
from app.style.theme import Theme
from app.why import SETTINGS, Why
from app.widgets.buttons import Button, button
from app.widgets.controls import CheckBox, ComboBox, DoubleSpinBox, Segmented, SpinBox
from app.widgets.number_field import ListField, NumberField, TextField, number_text
from app.widgets.several import Several
from app.widgets.text import label
from core.errors import UserError
from core.settings import without_effect

__all__ = [
    "CheckBox",
    "ComboBox",
    "DoubleSpinBox",
    "Field",
    "FormRow",
    "NumberField",
    "Segmented",
    "Several",
    "SpinBox",
    "TextField",
    "WhyPanel",
    "field_for",
    "form_row",
    "setting_field",
    "why_button",
]

SEGMENTS = 4
"""Up to so many choices stand side by side; more go into a combo box."""


class Field(Protocol):
    """A control that a form row can hold."""

    @property
    def changed(self) -> SignalInstance:
        """Emitted with the new value."""

    @property
    def value(self) -> Any:
        """What the user chose or typed."""

    def set_value(self, value: Any) -> None:
        """Show another value."""


class WhyPanel(QFrame):
    """The answer to "Why?": what it is, what it changes here, where to start, a source."""

    def __init__(self, why: Why) -> None:
        super().__init__()
        self.setProperty("role", "why-panel")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(4)
        layout.addWidget(label(why.what, "small", wrap=True))
        for text in (why.effect, why.start):
            if text:
                layout.addWidget(label(text, "small", "muted", wrap=True))
        if why.source:
            layout.addWidget(label(why.source, "caption", "faint", wrap=True))
        self.setAccessibleName(f"{why.what} {why.effect} {why.start}")
        self.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close with Esc."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)


def why_button(panel: WhyPanel, subject: str, *, theme: Theme) -> Button:
    """Return the "Why?" that opens and closes `panel`; `subject` is what it is about."""
    made = button("Why?", theme=theme, role="why")
    made.setAccessibleName(f"Why? {subject}")
    made.setObjectName("why")
    made.setToolTip(f"Explain: {subject}")
    made.clicked.connect(lambda: panel.setVisible(panel.isHidden()))
    return made


class FormRow(QWidget):
    """One setting of the run, two ways: the control changes the session and follows it.

    A value that is out of bounds stays in the control, with a red border, a message under it and
    the nearest valid value as a button; the session keeps the last valid one. A setting that does
    nothing beside the others is grey, and its tool tip says why.
    """

    def __init__(
        self, session: Session, key: str, field: QWidget | None = None, *, theme: Theme
    ) -> None:
        super().__init__()
        self._session, self._theme = session, theme
        self.setting = setting_field(key, session.settings.adapter.method)
        self.field = field or field_for(self.setting, theme=theme)
        self._name_field()
        self.setFocusProxy(self.field)
        self._error = label("", "small", "danger", wrap=True)
        self._mend = button("", theme=theme, small=True)
        self._mend.clicked.connect(self._on_mend)
        self.hint = label("", "caption", "muted", wrap=True)
        self.hint.hide()
        self.control = QHBoxLayout()
        self.control.setSpacing(8)
        self.control.addWidget(self.field, 1)
        self._lay_out()
        self._followed: Any = None
        self._hide_error()
        cast(Field, self.field).changed.connect(self._on_changed)
        session.settings_changed.connect(self._on_settings)
        session.typed_wrong_changed.connect(self._on_typed_wrong)
        self._on_settings()

    @property
    def key(self) -> str:
        """Dotted key of the setting."""
        return self.setting.key

    @property
    def error(self) -> str:
        """What is wrong with the value, empty if nothing is."""
        return self._error.text()

    def set_hint(self, text: str) -> None:
        """Say something under the control, such as what follows from its value."""
        self.hint.setText(text)
        self.hint.setVisible(bool(text))

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        head = QHBoxLayout()
        head.setSpacing(8)
        if not isinstance(self.field, CheckBox):
            head.addWidget(label(self.setting.title, "label"))
        else:
            head.addLayout(self.control)
        head.addStretch(1)
        why = SETTINGS.get(self.setting.key)
        self.panel = WhyPanel(why or Why(what=self.setting.description))
        head.addWidget(why_button(self.panel, self.setting.title, theme=self._theme))
        layout.addLayout(head)
        if not isinstance(self.field, CheckBox):
            layout.addLayout(self.control)
        layout.addWidget(self.hint)
        layout.addWidget(self._error)
        layout.addWidget(self._mend, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.panel)

    def _name_field(self) -> None:
        if isinstance(self.field, Segmented):
            self.field.set_name(self.setting.title)
        if isinstance(self.field, CheckBox) and not self.field.text():
            self.field.setText(self.setting.title)
        self.field.setAccessibleName(self.setting.title)
        bounds = f"{self.setting.bounds}. " if self.setting.bounds else ""
        self.field.setAccessibleDescription(bounds + self.setting.description)
        self.field.setObjectName(f"field_{self.setting.key}")

    def _on_settings(self) -> None:
        why_idle = without_effect(self._session.settings).get(self.setting.key, "")
        if why_idle or not self.field.isEnabled():
            self.field.setEnabled(not why_idle)
            self.field.setToolTip(why_idle)
        section, _, key = self.setting.key.rpartition(".")
        holder = getattr(self._session.settings, section) if section else self._session.settings
        if not hasattr(holder, key):
            return
        value = getattr(holder, key)
        field = cast(Field, self.field)
        wrong_stays = self.error and value == self._followed
        self._followed = value
        if field.value != value and not wrong_stays:
            was = self.field.blockSignals(True)
            field.set_value(value)
            self.field.blockSignals(was)
            self._hide_error()

    def _on_typed_wrong(self) -> None:
        """Show the setting again where the wrong value was mended from elsewhere."""
        if self.error and self.key not in self._session.typed_wrong:
            self._error.setText("")
            self._on_settings()
            self._hide_error()

    def _on_changed(self, value: Any) -> None:
        try:
            self._session.settings.with_changes({self.setting.key: value})
        except UserError as error:
            self._show_error(value, error)
            self._settle()
            return
        self._hide_error()
        self._session.change({self.setting.key: value}, stroke=True)

    def _settle(self) -> None:
        """Go back to the value from before typing: 8 was taken on the way to the wrong 8.5."""
        if isinstance(self.field, NumberField) and self._followed != self.field.settled:
            self._followed = self.field.settled
            self._session.change({self.setting.key: self._followed}, stroke=True)

    def _show_error(self, value: Any, error: UserError) -> None:
        bounds = f" Allowed: {self.setting.bounds}." if self.setting.bounds else ""
        told = self.setting.kind in ("text", "list")
        words = error.message if told else f"{value} does not work here."
        self._error.setText(words + bounds)
        self._error.show()
        self._nearest = self.setting.suggested(value)
        self._mend.setText(f"Use {number_text(self._nearest)}")
        self._mend.setAccessibleName(f"Use {number_text(self._nearest)}")
        self._mend.setVisible(self._nearest not in (value, ()))
        self._mark_invalid(True)
        wrong = Wrong(f"{self.setting.title}: {self.error}", self._nearest)
        self._session.say_typed(self.key, wrong)

    def _hide_error(self) -> None:
        self._error.setText("")
        self._error.hide()
        self._mend.hide()
        self._mark_invalid(False)
        self._session.say_typed(self.key, None)

    def _mark_invalid(self, invalid: bool) -> None:
        if isinstance(self.field, TextField):
            self.field.set_invalid(invalid)

    def _on_mend(self) -> None:
        cast(Field, self.field).set_value(self._nearest)
        self._on_changed(self._nearest)


def field_for(setting: SettingField, *, theme: Theme) -> QWidget:
    """Return the control that suits a setting's type."""
    if setting.kind == "switch":
        return CheckBox(setting.title)
    if setting.kind == "choice":
        options = [(value, str(value)) for value in setting.options]
        if len(options) <= SEGMENTS:
            return Segmented(options, theme=theme, name=setting.title)
        return ComboBox(options)
    if setting.kind == "several":
        return Several([(value, str(value)) for value in setting.options])
    if setting.kind in ("integer", "number"):
        return NumberField(setting)
    return ListField() if setting.kind == "list" else TextField()


def form_row(session: Session, key: str, field: QWidget | None = None, *, theme: Theme) -> FormRow:
    """Return the form row of a setting; without `field` its type decides the control."""
    return FormRow(session, key, field, theme=theme)
