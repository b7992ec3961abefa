"""Explain: the questions that people ask about ranks, answered with the numbers of this adapter."""

from typing import ClassVar

import numpy as np
from PySide6.QtWidgets import QButtonGroup, QScrollArea, QVBoxLayout, QWidget

from app.rank_views.base import RankView
from app.widgets.buttons import button
from app.widgets.cards import Card
from app.widgets.text import Label, label
from core.ranks.explain import QUESTIONS, Known, Question

FIRST = 5
"""The question that is open at first: is my rank too high or too low?"""
LINE = 720
"""Width in pixels at which lines of text stop."""


class ExplainView(RankView):
    """Questions at the left, the answer at the right."""

    title: ClassVar[str] = "Explain"

    def build(self) -> None:
        """Make the list of questions and room for an answer."""
        theme = self.context.theme
        questions, answers = Card(), Card()
        self._group = QButtonGroup(self)
        for index, question in enumerate(QUESTIONS):
            made = button(question.words, theme=theme, role="quiet")
            made.setProperty("list", "true")
            made.setCheckable(True)
            self._group.addButton(made, index)
            questions.body.addWidget(made)
        questions.body.setSpacing(0)
        questions.body.addStretch(1)
        self._group.button(FIRST).setChecked(True)
        self._group.idClicked.connect(lambda _index: self.draw())
        self.heading = label("", "title", wrap=True)
        self.paragraphs = [label("", "answer", wrap=True) for _ in range(4)]
        answers.body.addWidget(scrolling(self.heading, *self.paragraphs))
        questions.setFixedWidth(384)
        self.row.addWidget(questions)
        self.row.addWidget(answers, 1)

    @property
    def question(self) -> Question:
        """The question that is open."""
        return QUESTIONS[self._group.checkedId()]

    def draw(self) -> None:
        """Answer the open question."""
        known = self._known()
        answer = self.question.answer(known)
        self.heading.setText(self.question.words)
        for index, paragraph in enumerate(self.paragraphs):
            paragraph.setText(answer[index] if index < len(answer) else "")
            paragraph.setVisible(index < len(answer))

    def _known(self) -> Known:
        spectra, module = self.desk.spectra, self.desk.module
        assert spectra is not None
        assert module is not None
        history = self.context.run.history if self.desk.source.opened is None else None
        validation: tuple[tuple[int, float], ...] = ()
        training = None
        if history is not None:
            table = history.evaluations
            pairs = zip(table["step"], table["loss"], strict=True)
            validation = tuple((int(step), float(loss)) for step, loss in pairs)
            last = history.steps["loss"][-max(1, len(history.steps) // 10) :]
            training = float(np.mean(last)) if len(last) else None
        return Known(
            spectra=spectra,
            module=module,
            curve=self.evidence.curve,
            base=self.evidence.base,
            losses=self.evidence.losses,
            validation=validation,
            training=training,
        )


def scrolling(*texts: Label) -> QScrollArea:
    """Return texts below each other that scroll where they are longer than the card."""
    inner = QWidget()
    layout = QVBoxLayout(inner)
    layout.setContentsMargins(8, 4, 8, 4)
    layout.setSpacing(10)
    for text in texts:
        text.setMaximumWidth(LINE)
        layout.addWidget(text)
    layout.addStretch(1)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(inner)
    return area
