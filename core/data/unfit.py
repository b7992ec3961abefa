"""Data sets that cannot be trained, or only in part, and would be misread as simpler ones.

Judged answers look like prompts and completions, multiple choice like question and answer, labelled
texts like plain text. Each function raises a `UserError` that says so, or a `MappingQuestion` where
the user may want it so; None where the file is of another shape.
"""

import re

from core.data.columns import Columns
from core.data.questions import CANDIDATES, question
from core.data.roles import (
    ANSWER_COLUMNS,
    PROMPT_COLUMNS,
    SAYABLE,
    TURNS,
    ColumnRoles,
    MappingQuestion,
    begins_with_a_question,
    known,
    listed,
    question_roles,
    text_roles,
)
from core.errors import UserError

LABEL_COLUMNS = ("label", "labels", "class", "category", "sentiment", "intent", "target", "fitness")
CHOICE_COLUMNS = ("choices", "options", "endings", "answer_choices")
_TRANSCRIPT = re.compile(r"(?m)^(###\s*)?(Human|User|Assistant): ?")


def tokens_or_pictures(columns: Columns) -> None:
    """Refuse rows that hold no text at all."""
    if known(("input_ids",), columns):
        raise UserError(
            "The rows are tokens of some model already, not text.",
            "Choose the data set as it was before it was tokenised.",
        )
    kinds = {column.kind for column in columns.values()}
    if "image" in kinds and kinds <= {"image", "empty", "number"}:
        raise UserError(
            "The rows are pictures: Rankscope trains models of text.", "Choose data with text."
        )


def judged(columns: Columns) -> None:
    """Refuse answers that are said to be good or bad, as for KTO."""
    labels = [name for name in known(("label", "labels"), columns) if _is_verdict(columns, name)]
    answers = known(ANSWER_COLUMNS, columns)
    if labels and answers and known(PROMPT_COLUMNS, columns):
        raise UserError(
            f"The answers are judged, as for KTO: {labels[0]!r} says good or bad. Rankscope only "
            "imitates good ones.",
            f"Keep the rows with a good answer and leave out the column {labels[0]!r}.",
        )


def _is_verdict(columns: Columns, name: str) -> bool:
    values = {value.lower() for value in columns[name].values}
    return columns[name].kind == "flag" or (bool(values) and values <= {"true", "false"})


def preference(columns: Columns) -> ColumnRoles | None:
    """Take the chosen one of two answers, and say so."""
    chosen = known(("chosen",), columns)
    rejected = known(("rejected",), columns)
    if not (chosen and rejected):
        return None
    kind = columns[chosen[0]].kind
    prompts = [n for n in known(PROMPT_COLUMNS, columns) if columns[n].kind in SAYABLE]
    told = (
        f"Only the answers in {chosen[0]!r} are learned, as if there were no {rejected[0]!r} ones: "
        "Rankscope does not train on preferences.",
    )
    if kind in TURNS and begins_with_a_question(columns[chosen[0]]):
        return ColumnRoles(format="preference", role_of={chosen[0]: "chat"}, warnings=told)
    if kind not in SAYABLE or (
        kind == "text" and any(map(_TRANSCRIPT.search, columns[chosen[0]].samples))
    ):
        raise UserError(
            f"Each text in {chosen[0]!r} is a whole dialogue: its turns cannot be told apart.",
            'Write the turns as [{"role": "user", "content": "…"}, …].',
        )
    if len(prompts) != 1:
        raise question("There is no single question to the chosen answer", columns)
    roles = question_roles(columns, prompts[0], chosen[0])
    return ColumnRoles(format="preference", role_of=roles.role_of, warnings=told)


def multiple_choice(columns: Columns) -> None:
    """Refuse questions whose answers to choose from stand in another column."""
    choices = known(CHOICE_COLUMNS, columns) or (
        known("abcd", columns) if len(known("abcd", columns)) == 4 else []
    )
    if choices and known(PROMPT_COLUMNS, columns) and not known(("messages",), columns):
        raise UserError(
            f"The answers to choose from are in {listed(choices)}: a question without them teaches "
            "to guess.",
            "Compose the prompt with data.template, as in {question} {choices}, and name "
            "data.answer_column.",
        )


def labelled(columns: Columns) -> ColumnRoles | None:
    """Recognise classification: a text and its class."""
    if known(PROMPT_COLUMNS, columns) and known(ANSWER_COLUMNS, columns):
        return None
    labels = [n for n in known(LABEL_COLUMNS, columns) if columns[n].kind != "empty"]
    labels += known(("ner_tags", "pos_tags"), columns)
    texts = [n for n, column in columns.items() if column.kind in ("text", "list", "image")]
    texts = [name for name in texts if name not in labels]
    if not labels or not texts or any(column.kind in TURNS for column in columns.values()):
        return None
    label = columns[labels[0]]
    if label.kind != "text" or all(_is_number(value) for value in label.values):
        raise UserError(
            f"The rows are labelled with {label.kind}s in {label.name!r}: Rankscope trains models "
            "that write text, not classifiers.",
            "Write the labels as words; or, to learn the texts alone, name data.answer_column.",
        )
    guesses = [question_roles(columns, text, label.name) for text in texts]
    guesses += [text_roles(name) for name in texts]
    message = f"It is not clear whether {label.name!r} is the answer to learn"
    raise MappingQuestion(
        f"{message}: the columns are {listed(tuple(columns))}.", guesses[:CANDIDATES]
    )


def _is_number(value: str) -> bool:
    return re.fullmatch(r"[-+]?\d+(\.\d+)?", value.strip()) is not None


def nested(columns: Columns) -> None:
    """Refuse objects where texts are needed."""
    objects = [name for name, column in columns.items() if column.kind == "object"]
    spoken = [name for name, column in columns.items() if column.kind in SAYABLE]
    meant = known((*PROMPT_COLUMNS, *ANSWER_COLUMNS, "answers"), columns)
    lost = [name for name in objects if name in meant or not spoken]
    if lost:
        raise UserError(
            f"There is an object in {lost[0]!r} where a text is needed.",
            "Write what is to be asked and answered into columns of their own.",
        )
