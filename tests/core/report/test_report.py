"""What is said of a run when it is over."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.events import (
    AdapterProven,
    CheckpointSaved,
    Evaluated,
    Event,
    LossSpike,
    Notice,
    RunEnded,
    Sampled,
    StepDone,
)
from core.ranks import AdapterInfo, AdapterSpectra, ModuleSpectrum, save_ranks
from core.report import guards_of, proofs_of
from core.report.page import write_report
from core.report.spectra import spectra_rows
from core.run_folder import RunFolder
from core.settings import RunSettings

SOFTWARE = {"base_model": "Tiny", "base_sha256": "ab" * 32}


def proven(**changes: Any) -> AdapterProven:
    fields: dict[str, Any] = {
        "modules": 14,
        "zero_modules": [],
        "logit_difference": 1.5,
        "matched": 28,
        "asked": 5,
        "stopped": 5,
        "template": "same",
        "general_before": 3.0,
        "general_after": 3.02,
    }
    return AdapterProven(**{**fields, **changes})


def step(number: int, loss: float) -> StepDone:
    return StepDone(
        step=number,
        loss=loss,
        learning_rate=1e-4,
        gradient_norm=1.0,
        trained_tokens=9,
        tokens=20,
        tokens_per_second=99.0,
        memory_bytes=2**20,
    )


def course(*losses: float) -> list[Event]:
    return [Evaluated(step=10 * i, loss=loss) for i, loss in enumerate(losses)]


def held(events: list[Event], software: dict[str, str] | None = None) -> dict[str, bool | None]:
    found = proofs_of(events, SOFTWARE if software is None else software)
    return {proof.id: proof.holds for proof in found}


def test_all_proofs_of_a_good_run_hold() -> None:
    holds = held([*course(3.0, 2.0, 2.1), proven()])
    assert holds == {f"X{i}": True for i in range(1, 9)} | {"X7": None}


@pytest.mark.parametrize(
    ("changes", "fails"),
    [
        ({"lost": ["a"]}, "X1"),
        ({"zero_modules": ["q"]}, "X2"),
        ({"logit_difference": 0.0}, "X2"),
        ({"stopped": 4}, "X3"),
        ({"template": "other"}, "X4"),
        ({"general_after": 3.2}, "X6"),
    ],
)
def test_a_proof_that_fails_is_said(changes: dict[str, Any], fails: str) -> None:
    holds = held([*course(3.0, 2.0), proven(**changes)])
    assert [name for name, holds_ in holds.items() if holds_ is False] == [fails]


def test_what_was_not_tried_does_not_hold_and_does_not_fail() -> None:
    nothing = proven(asked=0, stopped=0, template="", general_before=0.0, general_after=0.0)
    holds = held([nothing], {})
    untried = [name for name, holds_ in holds.items() if holds_ is None]
    assert untried == ["X3", "X4", "X5", "X6", "X7"]
    assert holds["X8"] is False


def test_a_run_without_a_better_step_is_said() -> None:
    proofs = proofs_of([*course(2.0, 3.0), proven()], SOFTWARE)
    assert next(p for p in proofs if p.id == "X5").holds is False


def test_sentences_say_the_numbers() -> None:
    sentences = [proof.sentence for proof in proofs_of([*course(3.0, 2.0), proven(stopped=4)], {})]
    assert "4 of 5 answers stopped by themselves" in sentences[2]
    assert "step 10, the best: validation loss 2.000" in sentences[4]
    assert "(+0.020 nats per token)" in sentences[5]


def test_there_are_no_proofs_without_an_adapter() -> None:
    assert proofs_of([RunEnded(outcome="failed", message="No.")], SOFTWARE) == []


@pytest.mark.parametrize(
    ("event", "guard"),
    [
        (Notice(level="warning", message="m", guard="R4"), "R4"),
        (RunEnded(outcome="paused", message="m", guard="R7"), "R7"),
        (RunEnded(outcome="interrupted", message="m"), "R10"),
        (LossSpike(step=3, loss=9.0, usual=1.0, diverging=True), "R1"),
    ],
)
def test_a_guard_that_speaks_is_heard(event: Event, guard: str) -> None:
    guards = guards_of([event])
    assert [one.id for one in guards] == [f"R{i}" for i in range(1, 11)]
    assert [one.id for one in guards if not one.quiet] == [guard]


class Page(HTMLParser):
    """Collects the words of a page, and complains where tags are left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not [value for name, value in attrs if name in ("src", "href")], "stands alone"
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_says_it_all_and_stands_alone(tmp_path: Path) -> None:
    settings = RunSettings().with_changes({"training.steps": 20})
    run = RunFolder.create(tmp_path / "run", settings)
    events: list[Event] = [
        Evaluated(step=0, loss=3.0),
        *(step(i, 3.0 - i / 20) for i in range(1, 21)),
        Evaluated(step=20, loss=2.0, best=True),
        Notice(level="warning", message="<script>alert(1)</script>"),
        Sampled(step=20, samples=[{"prompt": "a<b", "wanted": "w", "answer": "x & y"}]),
        CheckpointSaved(step=20, path="p", size_bytes=9),
        proven(),
        RunEnded(outcome="finished", step=20),
    ]
    for seq, event in enumerate(events):
        run.append_event(event, seq)
    run.update_state(phase="finished", step=20, predicted_bytes=2**30, measured_bytes=2**30)
    write_report(run)
    html, page = run.report_file.read_text(), Page()
    assert "<script>" not in html
    page.feed(html)
    assert page.open == []
    text = " ".join(page.words)
    for words in (
        "Finished, 20 of 20 steps",
        "5 of 5 answers stopped by themselves.",
        "The loss kept moving.",
        "Measured peak 1.00 GiB, predicted 1.00 GiB (+0.0%).",
        "a<b",
        "training.learning_rate",
    ):
        assert words in text
    assert html.count("<polyline") == 2


def test_a_run_without_any_event_has_a_page_too(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", RunSettings())
    write_report(run)
    assert "There is no proven adapter" in run.report_file.read_text()


def test_the_newest_spectra_are_told(tmp_path: Path) -> None:
    info = AdapterInfo(name="a", family="lora", base_model="b", rank=4, alpha=8.0)
    names = [f"model.layers.{i}.self_attn.q_proj" for i in range(3)]
    sigmas = [[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 0.0]]
    modules = tuple(
        ModuleSpectrum(name, (32, 32), 4, 2.0, np.array(sigma))
        for name, sigma in zip(names, sigmas, strict=True)
    )
    save_ranks(tmp_path / "step-00000001.json", AdapterSpectra(adapter=info, modules=modules[:1]))
    save_ranks(tmp_path / "step-00000002.json", AdapterSpectra(adapter=info, modules=modules))
    sentence, rows = spectra_rows(tmp_path)
    assert "In the middle module 3 of 4 directions" in sentence
    assert "In 1 of 3 modules one direction alone holds more than 80%." in sentence
    assert rows == [("self_attn.q_proj", "3 modules, strongest σ 1, 95 % in 3")]
    assert spectra_rows(tmp_path / "nothing") == ("", [])
