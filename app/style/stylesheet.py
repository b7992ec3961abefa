"""The Qt stylesheet, filled from the tokens.

Variants are dynamic properties: QPushButton[role="primary"], QLabel[tone="muted"] and so on.
"""

from dataclasses import asdict
from string import Template

from app.style.tokens import Tokens

_TEMPLATE = Template("""
QWidget { color: $text; }
QMainWindow, QWidget[ground="window"] { background: $window; }
QWidget[ground="rail"] { background: $rail; }
QWidget[ground="surface"] { background: $surface; }
QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; border: none; }

QFrame[role="card"] {
    background: $surface; border: 1px solid $line; border-radius: 8px;
}
QFrame[role="toast"], QFrame[role="popup"] {
    background: $raised; border: 1px solid $line_strong; border-radius: 8px;
}
QFrame[role="why-panel"] {
    background: $accent_soft; border: none; border-left: 3px solid $accent; border-radius: 6px;
}
QFrame[role="well"] { background: $sunken; border: none; }
QFrame[role="hairline"] { background: $line; border: none; }
QFrame[role="banner"] { border-radius: 8px; border: 1px solid $line_strong; background: $surface; }
QFrame[role="banner"][tone="ok"] { background: $ok_soft; border-color: $ok; }
QFrame[role="banner"][tone="warn"] { background: $warn_soft; border-color: $warn; }
QFrame[role="banner"][tone="danger"] { background: $danger_soft; border-color: $danger; }
QFrame[role="banner"][tone="info"] { background: $accent_soft; border-color: $accent; }

QFrame[role="banner"][flat="true"] { border-radius: 0; border-width: 0 0 1px 0; }
QLabel[tone="muted"] { color: $text_2; }
QLabel[tone="faint"] { color: $text_3; }
QLabel[tone="ok"] { color: $ok; }
QLabel[tone="warn"] { color: $warn; }
QLabel[tone="danger"] { color: $danger; }
QLabel[tone="learned"] { color: $learned_text; }
QLabel[tone="frozen"] { color: $frozen_text; }
QLabel[tone="accent"] { color: $accent; }

QPushButton {
    background: $surface; color: $text; border: 1px solid $border; border-radius: 6px;
    padding: 0 12px; min-height: 30px; font-weight: 500;
}
QPushButton:hover { background: $hover; }
QPushButton:pressed { background: $line_strong; }
QPushButton:disabled { color: $text_3; background: transparent; border-color: $line_strong; }
QPushButton:focus { border: 2px solid $accent; padding: 0 11px; min-height: 28px; }
QPushButton[split="left"] {
    border-right: none; border-top-right-radius: 0; border-bottom-right-radius: 0;
}
QPushButton[split="right"] {
    border-left: 1px solid $line_strong; border-top-left-radius: 0; border-bottom-left-radius: 0;
    padding: 0;
}
QPushButton[split="left"]:focus { border: 2px solid $accent; }
QPushButton[split="right"]:focus { border: 2px solid $accent; padding: 0; }
QPushButton[role="primary"] { background: $accent; color: $on_accent; border-color: $accent; }
QPushButton[role="primary"]:hover { background: $accent_hover; }
QPushButton[role="primary"]:focus { border: 2px solid $text; }
QPushButton[role="primary"]:disabled {
    color: $text_3; background: transparent; border-color: $line_strong;
}
QPushButton[role="quiet"] {
    background: transparent; border: 1px solid transparent; color: $accent; padding: 0 6px;
}
QPushButton[role="quiet"][flush="true"] { padding: 0 4px 0 0; text-align: left; }
QPushButton[list="true"] {
    color: $text; text-align: left; min-height: 26px; padding: 0 8px; font-weight: 400;
    border-left: 3px solid transparent; border-radius: 0;
}
QPushButton[list="true"]:checked {
    background: $accent_soft; border-left-color: $accent; font-weight: 600;
}
QPushButton[role="quiet"]:hover { background: $hover; }
QPushButton[role="quiet"]:focus { border: 2px solid $accent; padding: 0 5px; }
QPushButton[role="why"] {
    background: transparent; border: none; border-bottom: 1px dotted $accent; border-radius: 0;
    color: $accent; padding: 0; min-height: 16px; font-size: $px_12; font-weight: 400;
}
QPushButton[role="why"]:focus { border: 1px solid $accent; }
QPushButton[role="danger"] { color: $danger; border-color: $danger; }
QPushButton[compact="true"] { min-height: 22px; padding: 0 8px; font-size: $px_12; }
QPushButton[compact="true"]:focus { min-height: 20px; padding: 0 7px; }
QPushButton::menu-indicator { width: 0; }

QPushButton[role="filter"] {
    border-radius: 12px; min-height: 22px; padding: 0 11px; font-size: $px_12; font-weight: 400;
}
QPushButton[role="filter"]:checked {
    background: $accent_soft; color: $accent; border: 1px solid $accent; font-weight: 500;
}
QPushButton[role="filter"]:focus {
    border: 2px solid $accent; padding: 0 10px; min-height: 20px;
}

QPushButton[role="segment"] {
    border: none; border-radius: 0; min-height: 30px; padding: 0 8px; font-weight: 400;
    background: transparent;
}
QPushButton[role="segment"]:hover { background: $hover; }
QPushButton[role="segment"]:checked {
    background: $accent_soft; color: $accent; font-weight: 600;
}
QPushButton[role="segment"]:focus { border: 2px solid $accent; padding: 0 6px; min-height: 28px; }
QFrame[compact="true"] QPushButton[role="segment"] {
    min-height: 20px; padding: 0 8px; font-size: $px_12;
}
QFrame[compact="true"] QPushButton[role="segment"]:focus { min-height: 18px; padding: 0 6px; }
QFrame[role="segments"] { border: 1px solid $border; border-radius: 6px; background: $surface; }
QFrame[role="divider"] { background: $line_strong; border: none; }

QLineEdit, QPlainTextEdit, QSpinBox, QDoubleSpinBox, QComboBox {
    background: $surface; color: $text; border: 1px solid $border; border-radius: 6px;
    padding: 0 8px; min-height: 30px; selection-background-color: $accent;
    selection-color: $on_accent;
}
QLineEdit:focus, QPlainTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {
    border: 2px solid $accent; padding: 0 7px; min-height: 28px;
}
QLineEdit[invalid="true"], QSpinBox[invalid="true"], QDoubleSpinBox[invalid="true"] {
    border: 2px solid $danger; padding: 0 7px; min-height: 28px;
}
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {
    color: $text_3; background: transparent; border-color: $line_strong;
}
QComboBox::drop-down { border: none; width: 24px; }
QComboBox::down-arrow { image: none; }
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button {
    subcontrol-origin: border; width: 24px; border: none; background: transparent;
}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow, QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {
    image: none;
}
QLineEdit[role="plain"] { background: transparent; border-color: transparent; font-weight: 500; }
QLineEdit[role="plain"]:hover { border-color: $border; }
QLineEdit[role="plain"]:read-only { border-color: transparent; background: transparent; }
QLineEdit[role="plain"]:focus:!read-only { background: $surface; border: 2px solid $accent; }

QCheckBox, QRadioButton { spacing: 8px; min-height: 24px; }
QCheckBox::indicator, QRadioButton::indicator {
    width: 14px; height: 14px; border: 1px solid $border; background: $surface;
}
QCheckBox::indicator { border-radius: 4px; }
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover { background: $hover; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; }
QRadioButton::indicator:checked {
    width: 6px; height: 6px; border: 5px solid $accent; background: $surface;
}
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled {
    border-color: $line_strong; background: transparent;
}
QCheckBox:focus, QRadioButton:focus { color: $accent; }
QCheckBox:disabled, QRadioButton:disabled { color: $text_3; }
QComboBox QAbstractItemView {
    background: $raised; color: $text; border: 1px solid $line_strong;
    selection-background-color: $accent_soft; selection-color: $text; outline: none;
}

QMenu { background: $raised; border: 1px solid $line_strong; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: 4px; }
QMenu::item:selected { background: $accent_soft; }
QMenu::item:disabled { color: $text_3; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }

QToolTip {
    background: $raised; color: $text; border: 1px solid $line_strong; padding: 4px 6px;
}

QTabBar { background: transparent; }
QTabBar::tab {
    background: transparent; border: none; border-bottom: 2px solid transparent; color: $text_2;
    padding: 5px 2px 4px 2px; margin-right: 18px; font-weight: 500;
}
QTabBar::tab:hover { color: $text; border-bottom-color: $line_strong; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; font-weight: 600; }
QTabBar::tab:selected:focus { color: $accent; }
QTabBar::tear { width: 0; }

QTableView, QListView, QTreeView {
    background: $surface; border: none; gridline-color: $line; outline: none;
    selection-background-color: $accent_soft; selection-color: $text;
}
QHeaderView::section {
    background: $surface; color: $text_2; border: none; border-bottom: 1px solid $line;
    padding: 4px 8px; font-size: $px_11; font-weight: 400;
}

QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $border; border-radius: 4px; margin: 2px; min-height: 24px;
    min-width: 24px; }
QScrollBar::handle:hover { background: $text_3; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QSlider::groove:horizontal { height: 4px; background: $track; border-radius: 2px; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::handle:horizontal {
    background: $surface; border: 2px solid $accent; width: 12px; height: 12px; margin: -6px 0;
    border-radius: 8px;
}
QSlider::handle:horizontal:focus { background: $accent; }
QSlider:disabled { color: $text_3; }

QProgressBar { background: $track; border: none; border-radius: 2px; max-height: 4px; }
QProgressBar::chunk { background: $accent; border-radius: 2px; }

QSplitter::handle { background: transparent; }
""")


def stylesheet(tokens: Tokens, text_scale: float = 1.0) -> str:
    """Return the stylesheet of one theme with text of that size."""
    sizes = {f"px_{size}": f"{round(size * text_scale)}px" for size in (11, 12)}
    return _TEMPLATE.substitute(asdict(tokens), **sizes)
