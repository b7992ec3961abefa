"""The shapes of data sets as people publish them, recognised by names and values together.

Each shape is a function that returns the roles, None where the file is of another shape, or raises:
a `MappingQuestion` where only the user can tell, a `UserError` where what the file is for cannot be
trained here. Shapes that would be mis-read as a simpler one stand before it: judged answers look
like prompts and completions, multiple choice like question and answer.
"""

import re
from collections.abc import Callable
from itertools import product

from core.data.columns import Columns
from core.data.roles import (
    INPUT_COLUMNS,
    SURE,
    ColumnRoles,
    MappingQuestion,
    chat_roles,
    known,
    listed,
    named_roles,
    question_roles,
)
from core.errors import UserError
from core.settings import DataSettings

CHAT_COLUMNS = ("messages", "conversations", "conversation", "chat")
PROMPT_COLUMNS = ("prompt", "question", "instruction", "query", "problem", "user")
ANSWER_COLUMNS = ("completion", "response", "answer", "output", "solution", "assistant")
TEXT_COLUMNS = ("text", "content")
LABEL_COLUMNS = ("label", "labels", "class", "category", "sentiment", "intent", "target", "fitness")
CHOICE_COLUMNS = ("choices", "options", "endings", "answer_choices")
SEQUENCE_COLUMNS = ("sequence", "seq", "protein", "dna", "rna")
TURNS = ("chat", "sharegpt")
SAYABLE = ("text", *TURNS)
_LETTERS = re.compile(r"[A-Z*\-]+|[acgtun]+")
_TRANSCRIPT = re.compile(r"(?m)^(###\s*)?(Human|User|Assistant): ?")
CANDIDATES = 4
ENOUGH_ROWS = 5
"""A column that holds nothing in so many rows is not what was meant."""


def recognise(columns: Columns, settings: DataSettings) -> ColumnRoles:
    """Decide which column is what.

    Raises:
        MappingQuestion: Nothing fits, or too much does.
        UserError: A column named in the settings is missing, or such data cannot be trained here.
    """
    named = named_roles(columns, settings)
    if named is not None:
        return named
    if settings.prompt_column or settings.answer_column or settings.template:
        return _completed(columns, settings)
    roles = next(filter(None, (shape(columns) for shape in SHAPES)), None)
    if roles is None:
        raise _question("No question and answer", columns)
    empty = [
        name for name, role in roles.role_of.items() if _is_needed_but_empty(columns, name, role)
    ]
    if roles.confidence < SURE or empty:
        why = f"Nothing stands in {listed(empty)}" if empty else "It is not clear what to learn"
        raise _question(why, columns, None if empty else roles)
    return roles


def _is_needed_but_empty(columns: Columns, name: str, role: str) -> bool:
    is_needed = role in ("prompt", "answer", "text", "chat")
    column = columns[name]
    return is_needed and column.kind == "empty" and column.kinds.total() >= ENOUGH_ROWS


def _completed(columns: Columns, settings: DataSettings) -> ColumnRoles:
    """Return the roles where one of question and answer is named."""
    prompt, answer = settings.prompt_column, settings.answer_column
    if not answer:
        answer = _only(ANSWER_COLUMNS, columns)
        if answer and settings.template:
            completed = named_roles(columns, settings.model_copy(update={"answer_column": answer}))
            assert completed is not None
            return completed
    elif not prompt:
        prompt = _only(PROMPT_COLUMNS, columns) or _first_input(columns, answer)
        if not prompt:
            return ColumnRoles(format="text", role_of={answer: "text"})
    if prompt and answer:
        return question_roles(columns, prompt, answer)
    raise _question("No question and answer", columns)


# -- shapes that cannot be trained, or not as they are ------------------------------------------


def _tokens(columns: Columns) -> ColumnRoles | None:
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
    return None


def _judged(columns: Columns) -> ColumnRoles | None:
    labels = [name for name in known(("label", "labels"), columns) if _is_verdict(columns, name)]
    answers = known(ANSWER_COLUMNS, columns)
    if labels and answers and known(PROMPT_COLUMNS, columns):
        raise UserError(
            f"The answers are judged, as for KTO: {labels[0]!r} says good or bad. Rankscope only "
            "imitates good ones.",
            f"Keep the rows with a good answer and leave out the column {labels[0]!r}.",
        )
    return None


def _is_verdict(columns: Columns, name: str) -> bool:
    values = {value.lower() for value in columns[name].values}
    return columns[name].kind == "flag" or (bool(values) and values <= {"true", "false"})


def _preference(columns: Columns) -> ColumnRoles | None:
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
    if kind in TURNS and _begins_with_a_question(columns, chosen[0]):
        return ColumnRoles(format="preference", role_of={chosen[0]: "chat"}, warnings=told)
    if kind not in SAYABLE or (
        kind == "text" and any(map(_TRANSCRIPT.search, columns[chosen[0]].samples))
    ):
        raise UserError(
            f"Each text in {chosen[0]!r} is a whole dialogue: its turns cannot be told apart.",
            'Write the turns as [{"role": "user", "content": "…"}, …].',
        )
    if len(prompts) != 1:
        raise _question("There is no single question to the chosen answer", columns)
    roles = question_roles(columns, prompts[0], chosen[0])
    return ColumnRoles(format="preference", role_of=roles.role_of, warnings=told)


def _begins_with_a_question(columns: Columns, name: str) -> bool:
    return not all(s.startswith(("assistant", "gpt")) for s in columns[name].samples)


def _choices(columns: Columns) -> ColumnRoles | None:
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
    return None


def _labelled(columns: Columns) -> ColumnRoles | None:
    """Recognise classification: a text and its class."""
    if known(PROMPT_COLUMNS, columns) and known(ANSWER_COLUMNS, columns):
        return None
    labels = [n for n in known(LABEL_COLUMNS, columns) if columns[n].kind != "empty"]
    labels += known(("ner_tags", "pos_tags"), columns)
    texts = [n for n, column in columns.items() if column.kind in ("text", "list", "image")]
    texts = [name for name in texts if name not in labels]
    if not labels or not texts or _has_turns(columns):
        return None
    label = columns[labels[0]]
    if label.kind != "text" or all(_is_number(value) for value in label.values):
        raise UserError(
            f"The rows are labelled with {label.kind}s in {label.name!r}: Rankscope trains models "
            "that write text, not classifiers.",
            "Write the labels as words, and name data.prompt_column and data.answer_column.",
        )
    guesses = [question_roles(columns, text, label.name) for text in texts]
    guesses += [_text(name) for name in texts]
    message = f"It is not clear whether {label.name!r} is the answer to learn"
    raise MappingQuestion(
        f"{message}: the columns are {listed(tuple(columns))}.", guesses[:CANDIDATES]
    )


def _is_number(value: str) -> bool:
    return re.fullmatch(r"[-+]?\d+(\.\d+)?", value.strip()) is not None


# -- shapes that can be trained -----------------------------------------------------------------


def _chat(columns: Columns) -> ColumnRoles | None:
    named = [n for n in known(CHAT_COLUMNS, columns) if columns[n].kind != "text"]
    filled = [name for name in named if columns[name].kind in TURNS]
    chats = filled or [
        n for n, c in columns.items() if c.kind in TURNS and n not in _split(columns)
    ]
    if len(chats) > 1:
        candidates = [chat_roles(columns, name) for name in chats]
        raise MappingQuestion(f"Several columns hold chats: {listed(chats)}.", candidates)
    if chats or (named and not known(PROMPT_COLUMNS, columns)):
        return chat_roles(columns, (chats or named)[0])
    return None


def _split(columns: Columns) -> list[str]:
    """Return the columns with turns where question and answer are lists of turns each."""
    prompts, answers = known(PROMPT_COLUMNS, columns), known(ANSWER_COLUMNS, columns)
    turns = [name for name in (*prompts, *answers) if columns[name].kind in TURNS]
    return turns if prompts and answers else []


def _has_turns(columns: Columns) -> bool:
    return any(column.kind in TURNS for column in columns.values())


def _question_and_answer(columns: Columns) -> ColumnRoles | None:
    answer = _only(ANSWER_COLUMNS, columns)
    prompt = _only(PROMPT_COLUMNS, columns) or (answer and _first_input(columns, answer))
    return question_roles(columns, prompt, answer) if prompt and answer else None


def _sequence(columns: Columns) -> ColumnRoles | None:
    names = [name for name in known(SEQUENCE_COLUMNS, columns) if columns[name].kind == "text"]
    if len(names) != 1:
        return None
    samples = [sample.strip() for sample in columns[names[0]].samples]
    is_sequence = all(_LETTERS.fullmatch(sample) for sample in samples)
    confidence = 1.0 if is_sequence else 0.5
    return ColumnRoles(format="sequence", role_of={names[0]: "text"}, confidence=confidence)


def _plain_text(columns: Columns) -> ColumnRoles | None:
    texts = known(TEXT_COLUMNS, columns)[:1]
    if not texts:
        said = [name for name, column in columns.items() if column.kind == "text"]
        texts = said if len(columns) == 1 else []
    others = known((*PROMPT_COLUMNS, *ANSWER_COLUMNS, *INPUT_COLUMNS), columns)
    return _text(texts[0], 0.5 if others and others != texts else 1.0) if texts else None


def _nested(columns: Columns) -> ColumnRoles | None:
    objects = [name for name, column in columns.items() if column.kind == "object"]
    spoken = [name for name, column in columns.items() if column.kind in SAYABLE]
    meant = known((*PROMPT_COLUMNS, *ANSWER_COLUMNS, "answers"), columns)
    lost = [name for name in objects if name in meant or not spoken]
    if lost:
        raise UserError(
            f"There is an object in {lost[0]!r} where a text is needed.",
            "Write what is to be asked and answered into columns of their own.",
        )
    return None


def _text(column: str, confidence: float = 1.0) -> ColumnRoles:
    return ColumnRoles(format="text", role_of={column: "text"}, confidence=confidence)


SHAPES: tuple[Callable[[Columns], ColumnRoles | None], ...] = (
    _tokens,
    _preference,
    _judged,
    _choices,
    _chat,
    _labelled,
    _question_and_answer,
    _sequence,
    _plain_text,
    _nested,
)


# -- questions ----------------------------------------------------------------------------------


def _only(names: tuple[str, ...], columns: Columns) -> str:
    found = known(names, columns)
    if len(found) > 1:
        raise _question(f"More than one column could be meant: {listed(found)}", columns)
    return found[0] if found else ""


def _first_input(columns: Columns, answer: str) -> str:
    return next((name for name in known(INPUT_COLUMNS, columns) if name != answer), "")


def _question(why: str, columns: Columns, first: ColumnRoles | None = None) -> MappingQuestion:
    """Return the question which column is what, with the likeliest answers."""
    texts = [name for name, column in columns.items() if column.kind in SAYABLE]
    answers = [name for name in known(ANSWER_COLUMNS, columns) if name in texts] or texts[::-1]
    prompts = [name for name in known(PROMPT_COLUMNS, columns) if name in texts] or texts
    pairs = [pair for pair in product(prompts, answers) if pair[0] != pair[1]]
    guesses = [first] if first is not None else []
    guesses += [question_roles(columns, *pair) for pair in pairs]
    guesses += [_text(name) for name in texts if len(texts) == 1]
    message = f"{why}: the columns are {listed(tuple(columns))}."
    return MappingQuestion(message, guesses[:CANDIDATES])
