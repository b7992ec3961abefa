"""What has to happen on a page before its picture tells something."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from offscreen import complain, live, wait_until
from PySide6.QtWidgets import QLineEdit, QPushButton

if TYPE_CHECKING:
    from app.application import Application
    from core.jobs.evidence import Measure

ANSWER_SECONDS = 240.0
MEASURE_SECONDS = 1800.0
SPECTRA_SECONDS = 1.0
CHECK_SECONDS = 60.0
QUESTIONS = 2


def prepare_page(name: str, application: "Application") -> None:
    """Do on page `name` what a person would do there first."""
    scene = SCENES.get(name)
    if scene is not None:
        scene(application)


def _read_spectra(_: "Application") -> None:
    live(SPECTRA_SECONDS)


def _ask_both(application: "Application") -> None:
    """Ask questions that training never saw, and wait for the answers."""
    page = application.window.page("try")
    field = page.findChild(QLineEdit, "prompt")
    ask = page.findChild(QPushButton, "ask_button")
    held_out = (application.session.data or {}).get("held_out_previews", [])
    if field is None or ask is None or not held_out:
        complain("Nothing could be asked; the page is drawn as it is.")
        return
    for question, _ in held_out[:QUESTIONS]:
        field.setText(question)
        ask.click()
        if not wait_until(lambda: ask.text() != "Stop", ANSWER_SECONDS):
            complain("An answer took too long; it is drawn as far as it came.")
            return


def _show_checks(application: "Application") -> None:
    """Change what a check has something to say of, and wait for all of them."""
    application.session.change({"training.learning_rate": 0.01, "data.max_length": 64})
    _press(application, "Checks")
    preflight = application.launch.preflight
    wait_until(lambda: bool(preflight.results) and not preflight.doing, CHECK_SECONDS)


def _show_proofs(application: "Application") -> None:
    _press(application, "Run")
    _press(application, "Proofs")


def _show_view(title: str, measure: "Measure | None", application: "Application") -> None:
    """Show a view of the Ranks page, with what has to be measured for it."""
    page: Any = application.window.page("ranks")
    live(SPECTRA_SECONDS)
    page.tabs.show_widget(page.views[title])
    if measure is not None and getattr(page.evidence, measure) is None:
        page.evidence.measure(measure)
        if not wait_until(lambda: not page.evidence.measuring, MEASURE_SECONDS):
            complain(f"Measuring took too long; {title} is drawn as far as it came.")
    live(SPECTRA_SECONDS)


def _read_lengths(application: "Application") -> None:
    """Read the row lengths of a DoRA run; of others there is no such view."""
    page: Any = application.window.page("ranks")
    live(SPECTRA_SECONDS)
    view = page.views["DoRA"]
    if not view.offered():
        complain("This run is no DoRA; its ranks are drawn instead.")
        return
    page.tabs.show_widget(view)
    live(SPECTRA_SECONDS)
    view.start.click()
    wait_until(lambda: view.stack.currentIndex() == 1, MEASURE_SECONDS)


def _press(application: "Application", text: str) -> None:
    buttons = application.window.page("train").findChildren(QPushButton)
    next(button for button in buttons if button.text() == text).click()


SCENES: dict[str, Callable[["Application"], None]] = {
    "ranks": _read_spectra,
    "ranks-training": partial(_show_view, "Over training", None),
    "ranks-loss": partial(_show_view, "Does it matter?", "curve"),
    "ranks-modules": partial(_show_view, "Rank per module", None),
    "ranks-base": partial(_show_view, "Against the base", "base"),
    "ranks-explain": partial(_show_view, "Explain", None),
    "ranks-lengths": _read_lengths,
    "try": _ask_both,
    "checks": _show_checks,
    "proofs": _show_proofs,
}
ALL_RUNS = tuple(name for name in SCENES if name not in ("ranks", "try", "ranks-lengths"))
"""Pictures of a part of a page that every run has; `ranks-lengths` needs one of DoRA."""
RANK_VIEWS = tuple(name for name in SCENES if name.startswith("ranks-"))
VIEWS = {**dict.fromkeys(RANK_VIEWS, "ranks"), "proofs": "train", "checks": "train"}
"""Pictures of a part of a page, and the page. Checks come last: they change the settings."""
