"""One row as the model reads it: its tokens, a read-out line, at most one banner."""

from collections import Counter

from PySide6.QtWidgets import QHBoxLayout

from app.assistant import Assistant, Task
from app.pages.data_row_bar import RowBar
from app.session import Session
from app.style.theme import Theme
from app.widgets.cards import Card, hairline
from app.widgets.legend import Key, Legend
from app.widgets.text import ElidedLabel, label
from app.widgets.token_view import Token, TokenView
from app.words import plural
from core.events import Event, Progress, Reply, RunEnded

MEANINGS = {
    "trained": "trained: the model is asked to predict it",
    "masked": "masked: read, but not asked for",
    "cut": "cut: beyond the max length, the model never sees it",
    "asked": "asked: what the model is given before it answers",
}
TONES = {"trained": "learned", "masked": "muted", "cut": "danger", "asked": "muted"}


class TokenCard(Card):
    """Asks the worker for the tokens of the chosen row and shows them."""

    def __init__(self, session: Session, assistant: Assistant, theme: Theme) -> None:
        super().__init__("The row as the model reads it")
        self._session, self._assistant = session, assistant
        self._task: Task | None = None
        self._row = -1
        self._learned: list[Token] = []
        self._asked: list[Token] | None = None
        self.legend = Legend(theme=theme)
        self.bar = RowBar(theme)
        self.bar.view_changed.connect(lambda _: self._show())
        self.body.addWidget(self.bar)
        self.header.addWidget(self.legend)
        self.view = TokenView(theme)
        self.view.pointed.connect(self._on_pointed)
        self.message = label("", "small", "muted", wrap=True)
        self.position = label("", "small", "muted")
        self.meaning = ElidedLabel("", "small")
        read_out = QHBoxLayout()
        read_out.setSpacing(16)
        read_out.addWidget(self.position)
        read_out.addWidget(self.meaning, 1)
        self.body.addWidget(self.message)
        self.body.addWidget(self.view, 1)
        self.body.addWidget(hairline())
        self.body.addLayout(read_out)
        self.message.hide()

    @property
    def row(self) -> int:
        """Index of the row that is shown or on its way, from 0."""
        return self._row

    def clear(self, message: str) -> None:
        """Show no row, and say why."""
        if self._task is not None:
            self._task.cancel()
        self._row = -1
        self.title.setText("The row as the model reads it")
        self.caption.set_full_text("")
        self.legend.set_keys()
        self.view.show_tokens(())
        self.bar.show_rows(0, {})
        self.bar.show_row(-1)
        self._read_out(-1)
        self._say(message)

    def show_row(self, row: int) -> None:
        """Have the worker tokenise a row; the old one stays until the new one is there."""
        if self._task is not None:
            self._task.cancel()
        self._row = row
        self.bar.show_row(row)
        request = {
            "data": self._session.settings.data.model_dump(),
            "source": self._session.settings.model.source,
            "row": row,
        }
        self._task = self._assistant.data.ask("tokens", request, self._on_event)

    def _on_event(self, event: Event) -> None:
        match event:
            case Progress():
                self._say(event.message)
            case Reply():
                self._say("")
                asked = event.data["asked"]
                self._learned = [Token(**token) for token in event.data["tokens"]]
                self._asked = None if asked is None else [Token(**token) for token in asked]
                self.title.setText(f"Row {event.data['row'] + 1:,} as the model reads it")
                self._show()
            case RunEnded(outcome="failed"):
                self._say(f"{event.message} {event.hint}")

    def _show(self) -> None:
        """Show the row as it is learned, or as it is asked."""
        if self.bar.view.value:
            self._show_asked()
            return
        tokens, counts = self._learned, Counter(token.state for token in self._learned)
        self._say("")
        self.caption.set_full_text(plural(len(tokens), "token"))
        self.legend.set_keys(
            Key(f"trained {counts['trained']:,}", "square", "learned_soft", "learned"),
            Key(f"masked {counts['masked']:,}", "square", "sunken", "line_strong"),
            Key(f"cut {counts['cut']:,}", "hatched", "text_3", "danger"),
        )
        self.view.show_tokens(tokens)
        first = next((i for i, token in enumerate(tokens) if token.state == "trained"), 0)
        self._read_out(first if tokens else -1)

    def _show_asked(self) -> None:
        tokens = self._asked or []
        self.legend.set_keys()
        self.view.show_tokens(tokens)
        self._read_out(len(tokens) - 1)
        if self._asked is None:
            self.caption.set_full_text("")
            self._say("This row has no answer that the model could be asked for.")
            return
        self.caption.set_full_text(f"{plural(len(tokens), 'token')} before it answers")
        pairs = enumerate(zip(tokens, self._learned, strict=False))
        parts = next((i for i, (asked, read) in pairs if asked.id != read.id), -1)
        self._say(
            "The same tokens as in training."
            if parts < 0
            else f"Not what was learned: the tokens differ from position {parts:,} on."
        )

    def _on_pointed(self, position: int) -> None:
        if position >= 0:
            self._read_out(position)

    def _read_out(self, position: int) -> None:
        if position < 0:
            self.position.setText("")
            self.meaning.set_full_text("")
            return
        token = self.view.tokens[position]
        self.position.setText(f"Position {position:,}   {token.shown}   id {token.id:,}")
        self.meaning.set_full_text(MEANINGS[token.state])
        self.meaning.set_tone(TONES[token.state])

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))
