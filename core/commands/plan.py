"""`rankscope plan`: what every method would need, before anything is loaded.

Of a model alone (`--model M`), with rows as long as they may be; or of a run (`RUN.toml`), with its
rows and on this computer, as the window and `check` plan it.
"""

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from core.commands.base import COMMANDS, add_set_option, changes_of
from core.commands.jobs import reply_of, result_of
from core.control import Control
from core.data.desk import DataDesk
from core.data.stats import summarise
from core.errors import UserError
from core.jobs.dry_run import DryRun, DryRunRequest
from core.jobs.probe import Probe, ProbeRequest
from core.memory.amounts import gib, parse_amount
from core.memory.cards import custom_card
from core.memory.devices import Device, find_devices
from core.memory.methods import Method, find_methods, method_of
from core.memory.plan import PARTS, MemoryPlan, plan_methods
from core.memory.verdict import fits, verdict
from core.memory.workload import Known
from core.models.describe import describe_model
from core.models.info import ModelInfo
from core.settings import RunSettings, load_settings

OPTIMIZERS = "adamw, adamw8bit, paged_adamw8bit, lion, adafactor or sgd"
OPTIONS: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "rank": ("adapter.rank", int, "rank of the adapter"),
    "targets": ("adapter.targets", lambda text: tuple(text.split(",")), "all-linear, or names"),
    "batch": ("training.micro_batch", int, "rows that go through the model at once"),
    "seq": ("data.max_length", int, "tokens of the longest row"),
    "optimizer": ("training.optimizer", str, OPTIMIZERS),
    "dtype": ("model.dtype", str, "compute type: auto, bf16, fp16 or fp32"),
}
"""Option: setting that it changes, how to read it, what it is."""

BLOCKS = dict(zip(PARTS, "█▓▓▓▒░··", strict=True))
LEGEND = "█ weights  ▓ adapter, gradients, optimizer  ▒ activations  ░ logits  · workspace, context"


@COMMANDS.register("plan")
class Plan:
    """The command `plan`."""

    summary: ClassVar[str] = "show the memory that each method would need"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "file",
            nargs="?",
            metavar="RUN.toml",
            help="plan this run with its rows, for this computer",
        )
        parser.add_argument("--model", metavar="M", help="folder, GGUF or hub id")
        parser.add_argument("--method", default="", help="lora, qlora or full; all without it")
        parser.add_argument("--bits", type=int, choices=(4, 8), help="of QLoRA")
        _add_switch(parser, "double-quant", "quantize the scales of 4-bit blocks")
        for name, (_, read, summary) in OPTIONS.items():
            parser.add_argument(f"--{name}", type=read, help=summary)
        _add_switch(
            parser, "gradient-checkpointing", "recompute activations: in all blocks, or none"
        )
        parser.add_argument("--attention", choices=("sdpa", "eager", "flash"), default="")
        parser.add_argument("--gpu-memory", metavar="24GiB", help="say whether it fits")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="run a step on tensors that hold nothing: exact, but takes seconds per method",
        )
        parser.add_argument(
            "--probe",
            action="store_true",
            help="measure one method: two real steps on the longest rows, here and now",
        )
        add_set_option(parser)

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Return the plans as a document."""
        settings = _settings(arguments)
        info = describe_model(settings.model.source, planning=True)
        memory = arguments.gpu_memory
        here = find_devices()[0] if arguments.file or arguments.probe else None
        device = custom_card(parse_amount(memory)) if memory else here
        methods = find_methods(arguments.method, arguments.bits, arguments.double_quant)
        if arguments.probe:
            plans = [_measured_plan(settings, methods)]
        else:
            plans = _plans(arguments, info, settings, device, methods)
        documents = [{**_document(plan), "fits": fits(plan, device)} for plan in plans]
        if not arguments.json:  # scripts rely on the keys that there are
            words = [{"verdict": _in_a_word(plan, device)} for plan in plans]
            documents = [plan | word for plan, word in zip(documents, words, strict=True)]
        return {"model": _model(info), "plans": documents}

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print a bar per method, all on one scale."""
        model, plans = document["model"], document["plans"]
        print(f"{model['name']}, {model['parameters']:,} parameters\n")
        width = max(20, shutil.get_terminal_size().columns - 77)
        longest = max(plan["peak_bytes"] for plan in plans)
        for plan in plans:
            low, high = gib(plan["low_bytes"]), gib(plan["high_bytes"])
            bar = _bar(plan["parts"], width / longest)
            print(
                f"{_label(plan):17s}{gib(plan['peak_bytes']):>11s}  {low:>10s} – {high:<11s}"
                f"{plan['verdict']:24s}{bar}"
            )
        print("\n".join(["", LEGEND, *model["notes"]]))


def _in_a_word(plan: MemoryPlan, device: Device | None) -> str:
    """Say whether a plan fits, and of what does not what is too large: weights or settings."""
    if device is None:
        return ""
    found = verdict(plan, device)
    return f"{found.answer} ({found.failure})" if found.failure else found.answer


def _plans(
    arguments: argparse.Namespace,
    info: ModelInfo,
    settings: RunSettings,
    device: Device | None,
    methods: tuple[Method, ...],
) -> list[MemoryPlan]:
    """Return the plans by formula or by dry run."""
    known = replace(_known(arguments, settings), attention=arguments.attention)
    if info.architecture.kind == "vision":  # as many patches in every picture, and one label
        patches = info.architecture.context_length
        settings = settings.with_changes({"data.max_length": patches})
        known = replace(known, trained_share=1 / patches)
    if arguments.dry_run:
        return _dry_plans(
            DryRunRequest(settings=settings, methods=methods, known=known, device=device)
        )
    return list(plan_methods(info, settings, device, methods=methods, known=known))


def _measured_plan(settings: RunSettings, methods: Sequence[Method]) -> MemoryPlan:
    """Return what a probe has measured, of the run's own method where that is among them.

    Raises:
        UserError: It cannot be measured, or memory ran out.
    """
    own = method_of(settings.model)
    method = own if own in methods else methods[0]
    if method.name == "full":
        raise UserError(
            "Full fine-tuning is only planned here, so it cannot be measured.",
            "Measure --method lora or --method qlora.",
        )
    bits: dict[str, Any] = {"model.bits": method.bits}
    if method.bits == 4:
        bits["model.double_quant"] = method.double_quant
    found = reply_of(Probe(), ProbeRequest(settings=settings.with_changes(bits)))
    if found["plan"] is None:
        raise UserError(
            f"Memory ran out {found['out_of_memory']}, at {gib(found['measured_bytes'])}.",
            "A run would halve its micro-batch as long as it can.",
        )
    return MemoryPlan(**found["plan"])


def _dry_plans(request: DryRunRequest) -> list[MemoryPlan]:
    """Return the plans of dry runs, and say on stderr which are not."""
    plans = []
    for made in reply_of(DryRun(), request)["plans"]:
        plan = MemoryPlan(**made["plan"])
        if made["why_not"]:
            print(f"{plan.label}: by the formulas ({made['why_not']})", file=sys.stderr)
        plans.append(plan)
    return plans


def _add_switch(parser: argparse.ArgumentParser, name: str, summary: str) -> None:
    parser.add_argument(
        f"--{name}", action=argparse.BooleanOptionalAction, default=None, help=summary
    )


def _settings(arguments: argparse.Namespace) -> RunSettings:
    """Return the settings that the options ask for, `--set` last."""
    settings = load_settings(Path(arguments.file)) if arguments.file else RunSettings()
    changes: dict[str, Any] = {"model.source": arguments.model} if arguments.model else {}
    for name, (key, _, _) in OPTIONS.items():
        value = getattr(arguments, name)
        if value is not None:
            changes[key] = value
    if arguments.gradient_checkpointing is not None:
        changes["training.gradient_checkpointing"] = arguments.gradient_checkpointing
    return settings.with_changes({**changes, **changes_of(arguments.set)})


def _known(arguments: argparse.Namespace, settings: RunSettings) -> Known:
    """Return what the rows of a run tell; without a run nothing is known of them."""
    if not arguments.file:
        return Known()
    work = DataDesk().encoded(settings.data, settings.model.source, Control())
    stats = summarise(result_of(work), settings.data.max_length)
    return Known.of_rows(stats.lengths, stats.trained_lengths, settings)


def _model(info: ModelInfo) -> dict[str, Any]:
    shape = info.architecture
    return {
        "name": info.name,
        "source": info.source,
        "family": shape.family,
        "parameters": info.parameters,
        "layers": shape.layers,
        "hidden_size": shape.hidden_size,
        "vocab_size": shape.vocab_size,
        "notes": list(info.notes),
    }


def _document(plan: MemoryPlan) -> dict[str, Any]:
    return {
        "method": plan.method,
        "bits": plan.bits,
        "double_quant": plan.double_quant,
        "peak_bytes": plan.peak_bytes,
        "low_bytes": plan.low_bytes,
        "high_bytes": plan.high_bytes,
        "parts": dict(plan.parts),
        "source": plan.source,
    }


def _label(plan: dict[str, Any]) -> str:
    (method,) = find_methods(plan["method"], plan["bits"], plan["double_quant"])
    return method.label


def _bar(parts: dict[str, int], scale: float) -> str:
    return "".join(BLOCKS[name] * round(size * scale) for name, size in parts.items())
