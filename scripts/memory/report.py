"""The scores as Markdown, on the terminal and between two marks in docs/memory.md."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from core.memory.amounts import GIB
from core.memory.table.rows import Missing
from memory.rivals import RIVALS
from memory.scores import Errors, Scored, verdicts

HEAD = "| {} | Rows | Mean | Median | 95th percentile | Worst | Too low |\n|---|" + "---:|" * 6
EXACT, JUDGED = "A", ("A", "A-oom", "B-oom")


def report(scored: Sequence[Scored]) -> str:
    """Return all tables."""
    exact = [item for item in scored if item.row.text("tier") == EXACT]
    return "\n\n".join(
        [
            f"Written by `make bench` on {date.today()}.",
            "### By tier\n\n" + _groups("Tier", scored, lambda item: item.row.text("tier")),
            "### Tier A by kind\n\n" + _groups("Kind", exact, _kind),
            "### Who runs out of memory\n\n" + _verdicts(scored),
            "### Other estimators on tier A\n\n" + _rivals(exact),
            "### The ten worst of tier A\n\n" + _worst(exact),
        ]
    )


def dry_report(exact: Sequence[Scored]) -> str:
    """Return the tables of the dry run on the exact rows."""
    traced = [item for item in exact if item.found.plan and item.found.plan.source == "dry-run"]
    return "\n\n".join(
        [
            f"{len(traced)} of {len(exact)} rows were traced.",
            _groups("Kind", traced, _kind) + f"\n| all | {Errors.of(traced)} |",
            "The ten worst:\n\n" + _worst(traced),
        ]
    )


def write(page: Path, name: str, text: str) -> None:
    """Put tables between the marks of that name in a page."""
    begin, end = (f"<!-- {name}: {which} -->" for which in ("begin", "end"))
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def _kind(item: Scored) -> str:
    row = item.row
    quant = "" if row.text("quant") == "none" else f" {row.text('quant')}"
    checkpoints = "" if row.has("grad_checkpointing", "yes") else ", no checkpointing"
    return f"{row.text('method')}{quant}, {row.text('attention_impl')}{checkpoints}"


def _groups(title: str, scored: Iterable[Scored], key) -> str:  # type: ignore[no-untyped-def]
    groups: dict[str, list[Scored]] = {}
    for item in scored:
        groups.setdefault(key(item), []).append(item)
    lines = [
        f"| {name} | {errors} |"
        for name, items in sorted(groups.items())
        if (errors := Errors.of(items)).values
    ]
    return "\n".join([HEAD.format(title), *lines])


def _verdicts(scored: Sequence[Scored]) -> str:
    lines = [
        f"| {name} | {right} | {of} | {right / of:.0%} |"
        for name, (right, of) in verdicts(scored, JUDGED).items()
    ]
    return "\n".join(["| What happened | Told rightly | Of | |", "|---|---:|---:|---:|", *lines])


def _rivals(exact: Sequence[Scored]) -> str:
    lines = [f"| Rankscope | {Errors.of(exact)} |"]
    for name, ask in RIVALS.items():
        errors = []
        for item in exact:
            try:
                size = ask(item.row)
            except (Missing, ValueError):
                size = None
            if size is not None:
                errors.append(size / GIB / float(item.row.text("peak_gib")) - 1)
        lines.append(f"| {name} | {Errors(tuple(errors))} |")
    return "\n".join([HEAD.format("Estimator"), *lines])


def _worst(exact: Sequence[Scored]) -> str:
    known = [item for item in exact if item.error is not None]
    known.sort(key=lambda item: -abs(item.error or 0.0))
    lines = []
    for item in known[:10]:
        row, plan = item.row, item.found.plan
        assert plan is not None
        lines.append(
            f"| {row.text('id')} | {row.text('model')}, {_kind(item)} | "
            f"{row.text('micro_batch')} × {row.text('seq_len')} | {row.text('peak_gib')} | "
            f"{plan.allocated_bytes / GIB:.4f} | {item.error:+.1%} | {plan.moment} |"
        )
    head = "| Row | What | Batch × length | Measured | Predicted | Error | Peak at |"
    return "\n".join([head, "|---|---|---|---:|---:|---:|---|", *lines])
