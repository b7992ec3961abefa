"""The formulas beside the dry run, over a matrix of published models, methods and settings."""

from collections.abc import Callable, Sequence

from memory.scores import Errors
from tests.core.memory.dry_run.matrix import CASES, Compared, compare


def agreement() -> str:
    """Compare all cases; return the tables."""
    return tables([compare(case) for case in CASES])


def tables(compared: Sequence[Compared]) -> str:
    """Return errors by method and by program, the worst ten, and what cannot be traced."""
    traced = [each for each in compared if not each.why_not]
    off = [each for each in traced if abs(each.error) > 0.02]
    said = (
        f"{len(compared)} cases in which any two settings meet: "
        f"{len(off)} differ by more than 2 %, {len(compared) - len(traced)} cannot be traced."
    )
    return "\n\n".join(
        [
            said,
            _groups(
                "Method",
                traced,
                lambda each: (
                    f"{each.case.values['method'].label}, {each.case.values['adapter.method']}"
                ),
            ),
            _groups("Program", traced, lambda each: each.case.values["program"].name),
            _worst(traced),
        ]
    )


def _groups(title: str, traced: Sequence[Compared], name: Callable[[Compared], str]) -> str:
    groups: dict[str, list[float]] = {}
    for each in traced:
        groups.setdefault(name(each), []).append(each.error)
    head = f"| {title} | Cases | Mean | Median | 95th percentile | Worst | Too low |\n|---|" + (
        "---:|" * 6
    )
    rows = {**dict(sorted(groups.items())), "all": [each.error for each in traced]}
    return "\n".join([head, *(f"| {key} | {Errors(tuple(row))} |" for key, row in rows.items())])


def _worst(traced: Sequence[Compared]) -> str:
    worst = sorted(traced, key=lambda each: -abs(each.error))[:10]
    head = "| The ten worst | Error |\n|---|---:|"
    return "\n".join([head, *(f"| {each.case} | {each.error:+.1%} |" for each in worst)])
