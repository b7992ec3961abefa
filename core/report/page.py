"""`report.html`: one page about a run that needs nothing beside it, made from its folder alone."""

import tomllib
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from core.durable import replace_file
from core.events import Event, Notice, Sampled
from core.history import History
from core.memory.amounts import gib
from core.report.charts import loss_chart
from core.report.guards import guards_of
from core.report.proofs import proofs_of
from core.report.spectra import spectra_rows
from core.run_folder import RunFolder, RunState

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --line: #d9dee7;
  --ground: #fff; --orange: #c2570c; --blue: #1f6feb; --ok: #1a7f37; --warn: #b54708; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #343b48;
  --ground: #14181f; --orange: #f0883e; --blue: #6cb0ff; --ok: #56d364; --warn: #f0b43c; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground);
  max-width: 760px; margin: 40px auto; padding: 0 20px; }
h1 { font-size: 24px; margin-bottom: 0; } h2 { font-size: 17px; margin-top: 36px; }
p.soft, td.soft, th { color: var(--soft); font-weight: normal; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left;
  padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; }
.ok { color: var(--ok); } .warn { color: var(--warn); }
svg { width: 100%; } svg text { font-size: 11px; fill: var(--soft); }
polyline { fill: none; stroke-width: 1.5; } .training { stroke: var(--orange); }
.validation { stroke: var(--blue); } circle.validation { fill: var(--blue); }
"""
_MARKS = {True: ("ok", "✓"), False: ("warn", "!"), None: ("soft", "–")}
_MOST_NOTICES = 50


def write_report(run: RunFolder) -> None:
    """Write the report of a run, atomically, in the place of an earlier one.

    Raises:
        OSError: The disk refuses.
    """
    replace_file(run.report_file, report(run).encode())


def report(run: RunFolder) -> str:
    """Return the page as HTML."""
    events, content = list(run.events()), tomllib.loads(run.settings_file.read_text("utf-8"))
    software: dict[str, str] = content.pop("software", {})
    name = escape(str(content.get("name", run.path.name)))
    parts = [*_head(name, run.state()), *_curves(events), *_proofs(events, software)]
    parts += [*_guards(events), *_memory(run.state()), *_spectra(run), *_answers(events)]
    parts += [*_notices(events), *_settings(content), *_software(software)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _head(name: str, state: RunState) -> Iterator[str]:
    steps = f"{state.step:,} of {state.total_steps:,} steps"
    yield f'<h1>{name}</h1><p class="soft">{escape(state.phase.capitalize())}, {steps}. '
    yield f"{escape(f'{state.message} {state.hint}'.strip())}</p>"


def _curves(events: list[Event]) -> Iterator[str]:
    chart = loss_chart(History(events))
    if chart:
        yield "<h2>Loss</h2>" + chart
        yield '<p class="soft">Orange: training, smoothed 0.90. Blue: held-out rows.</p>'


def _proofs(events: list[Event], software: dict[str, str]) -> Iterator[str]:
    yield "<h2>Proofs</h2>"
    found = proofs_of(events, software)
    if not found:
        yield '<p class="soft">There is no proven adapter: the run did not come so far.</p>'
    yield _judged((proof.id, proof.holds, proof.sentence) for proof in found)


def _guards(events: list[Event]) -> Iterator[str]:
    yield "<h2>Guards</h2>"
    yield _judged((guard.id, guard.quiet, guard.sentence) for guard in guards_of(events))


def _judged(lines: Iterable[tuple[str, bool | None, str]]) -> str:
    rows = []
    for name, holds, sentence in lines:
        tone, mark = _MARKS[holds]
        rows.append(
            f'<tr><td class="{tone}">{mark}</td><td class="soft">{name}</td>'
            f"<td>{escape(sentence)}</td></tr>"
        )
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _memory(state: RunState) -> Iterator[str]:
    if state.measured_bytes:
        yield "<h2>Memory</h2>"
        off = state.predicted_bytes / state.measured_bytes - 1
        measured, predicted = gib(state.measured_bytes), gib(state.predicted_bytes)
        yield f"<p>Measured peak {measured}, predicted {predicted} ({off:+.1%}).</p>"


def _spectra(run: RunFolder) -> Iterator[str]:
    sentence, rows = spectra_rows(run.ranks_dir)
    if sentence:
        yield f"<h2>What was learned</h2><p>{escape(sentence)}</p>" + _table(rows)


def _answers(events: list[Event]) -> Iterator[str]:
    sampled = [event for event in events if isinstance(event, Sampled)]
    if sampled:
        yield f"<h2>Answers at step {sampled[-1].step:,}</h2>"
        rows = (
            (s["prompt"], f"{s['answer']}  (wanted: {s['wanted']})") for s in sampled[-1].samples
        )
        yield _table(rows)


def _notices(events: list[Event]) -> Iterator[str]:
    notices = [event for event in events if isinstance(event, Notice)]
    if notices:
        yield "<h2>What was said</h2>"
        newest = notices[-_MOST_NOTICES:]
        yield _table((event.level, f"{event.message} {event.hint}".strip()) for event in newest)


def _settings(content: dict[str, Any]) -> Iterator[str]:
    yield "<h2>Settings</h2>"
    yield _table((key, str(value)) for key, value in _flat(content))


def _software(software: dict[str, str]) -> Iterator[str]:
    if software:
        yield "<h2>Software</h2>" + _table(software.items())


def _flat(content: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = (f"<tr><th>{escape(a)}</th><td>{escape(str(b))}</td></tr>" for a, b in rows)
    return f"<table>{''.join(lines)}</table>"
