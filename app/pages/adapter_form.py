"""How much may change: method, precision of the base, rank, alpha and dropout."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.session import Session
from app.setting_field import setting_field
from app.style.theme import Theme
from app.widgets.cards import Card, hairline
from app.widgets.fields import CheckBox, FormRow, NumberField, Segmented, form_row
from app.widgets.number_field import ListField
from app.widgets.power_slider import PowerSlider
from app.widgets.text import ElidedLabel, label
from app.words import percent
from core.adapters import ADAPTERS

RANK_EXPONENT = 8
NUMBER_WIDTH = 76
ADAPTER_BYTES = 4
"""Bytes per parameter in the adapter file: it is saved in float32."""


class ShareBar(QWidget):
    """A thin bar: what is learned in orange, at the head of what stays frozen."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._share = theme, 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_share(self, share: float) -> None:
        """Show another share, between 0 and 1."""
        self._share = share
        self.update()

    def sizeHint(self) -> QSize:
        """Return 8 pixels of height."""
        return QSize(120, 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw both parts; a learned part is at least 2 pixels wide."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("frozen"))
        if self._share > 0:
            width = max(2.0, self.width() * self._share)
            painter.fillRect(QRectF(0, 0, width, self.height()), self._theme.color("learned"))


class Trainable(QWidget):
    """The one big number: trainable parameters, their share, and the size of the file."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.number = label("–", "display", "learned")
        self.number.setObjectName("trainable_parameters")
        self.share = label("", "body", "muted")
        self.bar = ShareBar(theme)
        self.company = ElidedLabel("", "caption", "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(hairline())
        layout.addSpacing(4)
        layout.addWidget(label("Trainable parameters", "caption", "muted"))
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.number)
        line.addWidget(self.share, 1, Qt.AlignmentFlag.AlignBottom)
        layout.addLayout(line)
        layout.addWidget(self.bar)
        layout.addWidget(self.company)

    def show_numbers(self, trained: int, total: int) -> None:
        """Show trained parameters beside those of the whole base model."""
        share = trained / total if total else 0.0
        self.number.setText(f"{trained:,}")
        self.share.setText(percent(share))
        self.bar.show_share(share)
        mebibytes = trained * ADAPTER_BYTES / 2**20
        self.company.set_full_text(f"of {total:,} · adapter file {mebibytes:.3g} MiB")
        self.setAccessibleName(f"{trained:,} trainable parameters, {percent(share)}")

    def show_nothing(self, why: str) -> None:
        """Say why there is no number."""
        self.number.setText("–")
        self.share.setText("")
        self.bar.show_share(0.0)
        self.company.set_full_text(why)


class AdapterForm(Card):
    """The form at the left of the adapter page."""

    def __init__(self, session: Session, theme: Theme) -> None:
        super().__init__()
        self._session, self._theme = session, theme
        self._tight = False
        self.body.setSpacing(12)
        self.method = self._row("adapter.method", self._methods())
        bits = Segmented([(16, "16-bit"), (8, "8-bit"), (4, "4-bit NF4")], theme=theme)
        self.bits = self._row("model.bits", bits)
        self.double_quant = self._row("model.double_quant", CheckBox())
        self.rank = self._number_row("adapter.rank", powers=True)
        self.slider = PowerSlider(RANK_EXPONENT, theme=theme, name="Rank r")
        self.rank.control.insertWidget(0, self.slider, 1)
        self.slider.changed.connect(self._on_rank)
        self.alpha = self._number_row("adapter.alpha")
        self.scale = label("", "small", "muted")
        self.alpha.control.insertWidget(0, self.scale, 1)
        self.dropout = self._number_row("adapter.dropout")
        self.dropout.control.insertWidget(0, label("of the adapter's input", "small", "muted"), 1)
        self.rank_pattern = self._row("adapter.rank_pattern", ListField())
        self.body.addStretch(1)
        self.trainable = Trainable(theme)
        self.body.addWidget(self.trainable)
        session.settings_changed.connect(self.refresh)
        session.model_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Follow the settings."""
        settings = self._session.settings
        adapter = settings.adapter
        fields = type(adapter).model_fields
        for row in (self.rank, self.alpha, self.dropout):
            row.setVisible(row.key.rsplit(".", 1)[-1] in fields)
        self.rank_pattern.setVisible(bool(getattr(adapter, "rank_pattern", ())))
        self.method.set_hint("" if self._tight else ADAPTERS[adapter.method].summary)
        self._show_double_quant(settings.model.bits == 4)
        if "rank" in fields:
            rank = int(getattr(adapter, "rank"))  # noqa: B009  (only some methods have it)
            self.slider.set_value(rank)
            self.scale.setText(self._scaling_words())
        self._count()

    def set_tight(self, tight: bool) -> None:
        """Leave out what a small window has no room for."""
        if tight != self._tight:
            self._tight = tight
            self.body.setSpacing(6 if tight else 12)
            self.refresh()

    def _show_double_quant(self, usable: bool) -> None:
        box = self.double_quant.field
        assert isinstance(box, CheckBox)
        box.setEnabled(usable)
        box.setText("Double quantization" if usable else "Double quant. (needs 4-bit)")
        box.setToolTip("" if usable else "Only 4-bit weights have scales worth quantizing again.")

    def _scaling_words(self) -> str:
        adapter = self._session.settings.adapter
        formula = "α/√r" if adapter.method == "rslora" else "α/r"
        return f"scale {formula} = {ADAPTERS[adapter.method].scaling(adapter):.4g}"

    def _count(self) -> None:
        model = self._session.model
        if model is None:
            self.trainable.show_nothing("Choose a model first.")
            return
        adapter = self._session.settings.adapter
        method = ADAPTERS[adapter.method]
        trained = sum(
            method.parameters(model.grid.by_name[name].shape, own)
            for name, own in self._session.targets().items()
        )
        self.trainable.show_numbers(trained, model.parameters)

    def _on_rank(self, rank: int) -> None:
        self._session.change({"adapter.rank": rank}, stroke=True)

    def _methods(self) -> Segmented:
        names = sorted(ADAPTERS, key=lambda name: (name != "lora", name != "rslora", name))
        options = [(name, ADAPTERS[name].title) for name in names]
        return Segmented(options, theme=self._theme)

    def _row(self, key: str, field: QWidget) -> FormRow:
        row = form_row(self._session, key, field, theme=self._theme)
        self.body.addWidget(row)
        return row

    def _number_row(self, key: str, *, powers: bool = False) -> FormRow:
        """Return a row whose narrow number leaves room for words or a slider at its left."""
        field = NumberField(setting_field(key), powers=powers)
        field.setFixedWidth(NUMBER_WIDTH)
        row = self._row(key, field)
        row.control.setStretch(0, 0)
        return row
