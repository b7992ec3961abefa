"""Each check finds what it is there for."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.checks import CHECKS, CheckContext, RehearsalFacts, gather
from core.checks.base import Finding
from core.checks.device import with_trial
from core.data.stats import DataStats
from core.data.table import Message
from core.errors import UserError
from core.memory.devices import Device
from core.memory.host import run_bytes
from core.models.gated import NoAccess
from core.run_folder import RunFolder, own_process
from core.settings import RunSettings

Changed = Callable[..., CheckContext]


@pytest.fixture
def changed(good: CheckContext) -> Changed:
    """Return the good run with some of its settings, or of its numbers, changed."""

    def change(settings: dict[str, Any] | None = None, **stats: Any) -> CheckContext:
        assert good.tokens is not None
        numbers: DataStats = replace(good.tokens.stats, **stats)
        return replace(
            good,
            settings=good.settings.with_changes(settings or {}),
            tokens=replace(good.tokens, stats=numbers),
        )

    return change


def run(name: str, context: CheckContext) -> Finding:
    found = CHECKS[name](context)
    assert found is not None
    assert found.level == "ok" or found.fix
    return found


def test_a_model_that_cannot_be_read_blocks(tmp_path: Path) -> None:
    settings = RunSettings().with_changes({"model.source": str(tmp_path / "nothing")})
    assert run("model-readable", gather(settings)).level == "block"


def test_a_model_without_weights_blocks(good: CheckContext) -> None:
    assert good.model is not None
    empty = replace(good, model=replace(good.model, tensors=()))
    assert run("model-readable", empty).level == "block"


def test_a_hub_model_that_is_not_here_yet_only_warns() -> None:
    settings = RunSettings().with_changes({"model.source": "someone/some-model"})
    assert run("model-readable", gather(settings)).level == "warn"


def test_a_hub_model_that_is_not_given_blocks() -> None:
    settings = RunSettings().with_changes({"model.source": "someone/some-model"})
    gated = NoAccess("It wants its conditions accepted first.", "Accept them.")
    context = CheckContext(settings=settings, model_error=gated)
    assert run("model-readable", context).level == "block"


def test_targets_that_match_nothing_block(changed: Changed) -> None:
    found = run("targets", changed({"adapter.targets": ["c_attn"]}))
    assert found.level == "block"
    assert "c_attn" in found.message
    assert "q_proj" in found.fix
    assert found.changes == {"adapter.targets": ["all-linear"]}


def test_broken_data_blocks(good_settings: RunSettings, tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text('{"prompt": "a", "response": "b"}\n{"prompt"')
    found = run("data-readable", gather(good_settings.with_changes({"data.path": str(path)})))
    assert found.level == "block"
    assert "line 2, character 10" in found.message


def rows_context(settings: RunSettings, path: Path, rows: list[tuple[str, str]]) -> CheckContext:
    content = [{"prompt": prompt, "response": response} for prompt, response in rows]
    path.write_text("\n".join(map(json.dumps, content)))
    return gather(settings.with_changes({"data.path": str(path)}))


def test_empty_answers_and_copies_warn(good_settings: RunSettings, tmp_path: Path) -> None:
    context = rows_context(good_settings, tmp_path / "a.jsonl", [("a", " "), ("b", "c")])
    assert "1 of 2 rows have an empty answer" in run("rows-whole", context).message
    context = rows_context(good_settings, tmp_path / "b.jsonl", [("a", "b")] * 3)
    assert "2 of 3 rows repeat" in run("rows-whole", context).message


def test_a_small_held_out_part_is_told(good_settings: RunSettings, tmp_path: Path) -> None:
    few = rows_context(good_settings, tmp_path / "a.jsonl", [("a", "b"), ("c", "d")])
    assert run("held-out", few).level == "info"
    same = rows_context(good_settings, tmp_path / "b.jsonl", [("a", "b")] * 2)
    assert run("held-out", same).level == "warn"


@pytest.mark.parametrize(
    ("empty", "level"),
    [(4, "ok"), (5, "warn"), (199, "warn"), (200, "block"), (201, "block"), (400, "block")],
)
def test_rows_that_teach_nothing(empty: int, level: str, changed: Changed) -> None:
    lengths = (0,) * empty + (9,) * (400 - empty)
    context = changed(empty_rows=empty, trained_lengths=lengths, cut_rows=empty)
    found = run("trained-tokens", context)
    assert found.level == level  # of 400 rows, number 200 is the middle one
    if level != "ok":
        assert f"{empty} of 400 rows teach nothing" in found.message
        assert "data.max_length to 64" in found.fix


def test_a_real_run_whose_answers_are_all_cut_blocks(
    good_settings: RunSettings, finish: Callable[[RunSettings], CheckContext]
) -> None:
    context = finish(good_settings.with_changes({"data.max_length": 8}))
    assert run("trained-tokens", context).level == "block"
    assert run("answers-cut", context).level == "warn"
    assert run("end-of-turn", context).level == "warn"


def test_cut_answers(changed: Changed) -> None:
    found = run("answers-cut", changed(trained_tokens=690, cut_trained_tokens=310, cut_rows=100))
    assert found.level == "warn"
    assert "31% of the answers" in found.message
    assert run("answers-cut", changed(cut_rows=3)).level == "info"


def test_ends_of_answers(changed: Changed) -> None:
    assert run("end-of-turn", changed(open_ends=4)).level == "ok"
    assert "never learn to stop" in run("end-of-turn", changed(open_ends=5)).message
    assert run("end-of-turn", changed(open_ends=200)).level == "warn"
    assert run("end-of-turn", changed(open_ends=201)).level == "block"
    assert "is cut off" in run("end-of-turn", changed(cut_ends=5)).message


def test_answers_that_are_not_found_warn(changed: Changed) -> None:
    assert run("answer-spans", changed(unlocated=1)).level == "warn"


def test_a_missing_template_warns_and_a_refused_row_blocks(good: CheckContext) -> None:
    assert good.model is not None
    assert good.tokens is not None
    without = replace(good, tokens=replace(good.tokens, has_chat_template=False))
    assert run("chat-template", without).level == "warn"
    quick = replace(good, tokens=None, model=replace(good.model, has_chat_template=False))
    assert run("chat-template", quick).level == "warn"
    refused = replace(good, tokens=None, token_error=UserError("Row 3: no system role", "Mend"))
    assert run("chat-template", refused).level == "block"


def test_two_start_tokens_warn(good: CheckContext) -> None:
    assert good.tokens is not None
    doubled = replace(good, tokens=replace(good.tokens, double_start=True))
    assert run("start-token", doubled).level == "warn"
    missing = replace(good, tokens=replace(good.tokens, missing_start=True))
    assert run("start-token", missing).level == "warn"


def test_a_foreign_tokenizer_blocks(changed: Changed) -> None:
    assert run("vocabulary", changed(largest_id=400)).level == "block"
    assert run("vocabulary", changed(largest_id=399)).level == "ok"


def test_rows_beyond_the_context_warn(changed: Changed) -> None:
    long_limit = changed({"data.max_length": 1024})
    assert run("context-length", long_limit).level == "ok"  # no row is that long
    assert run("context-length", replace(long_limit, tokens=None)).level == "warn"
    long_rows = changed({"data.max_length": 1024}, lengths=(600,))
    found = run("context-length", long_rows)
    assert found.level == "warn"
    assert "A row has 600 tokens" in found.message
    assert long_rows.model is not None
    architecture = replace(long_rows.model.architecture, positions="learned")
    learned = replace(long_rows, model=replace(long_rows.model, architecture=architecture))
    assert run("context-length", learned).level == "block"


def test_a_small_device_warns(good: CheckContext) -> None:
    small = Device("small", 2**20, 2**20, "card")
    found = run("memory-fits", replace(good, device=small))
    assert found.level == "warn"
    assert "GiB" in found.message
    assert "too large" in found.fix


def test_settings_with_which_it_fits_are_named(changed: Changed) -> None:
    rows = {"lengths": (256,) * 8192, "trained_lengths": (9,) * 8192}
    large = replace(
        changed({"training.micro_batch": 4096}, **rows),
        device=Device("Card", 2**30, 2**30, "card"),
    )
    found = run("memory-fits", large)
    assert found.fix.startswith("Set training.micro_batch = ")
    parts = found.fix.removeprefix("Set ").rstrip(".").split(", ")
    named = large.settings.with_changes(dict(part.split(" = ") for part in parts))
    assert run("memory-fits", replace(large, settings=named)).level == "ok"


def test_a_full_disk_blocks(good: CheckContext) -> None:
    assert good.model is not None
    # tiny: per layer q 32→32, k and v 32→16, o 32→32, gate, up, down 32↔64; 2 layers, r = 16
    parameters = 2 * 16 * (64 + 48 + 48 + 64 + 96 + 96 + 96)
    needed = run_bytes(good.model, good.settings)
    assert needed == parameters * (4 + 8) * 4 + parameters * 4
    lion = good.settings.with_changes({"training.optimizer": "lion"})
    assert run_bytes(good.model, lion) == parameters * (4 + 4) * 4 + parameters * 4
    assert run("disk-space", replace(good, free_disk_bytes=needed - 1)).level == "block"
    assert run("disk-space", replace(good, free_disk_bytes=needed + 1)).level == "warn"


def test_a_place_that_cannot_be_written_blocks(good: CheckContext, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = run("run-folder", replace(good, runs=tmp_path / "file" / "runs"))
    assert found.level == "block"


def test_a_taken_name_is_told(good: CheckContext, tmp_path: Path) -> None:
    (tmp_path / "my-first-adapter").mkdir()
    found = run("run-folder", replace(good, runs=tmp_path))
    assert found.level == "info"
    assert "my-first-adapter-2" in found.message


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"training.micro_batch": 512}, "One step takes 512 rows"),
        ({"training.warmup": 30}, "30 of 60 steps are warm-up"),
        ({"training.steps": 5000}, "Every row is seen 1"),
        ({"training.evaluate_every": 61}, "Only 60 updates in this run"),
    ],
)
def test_steps_that_do_not_fit_the_rows_warn(
    changes: dict[str, Any], part: str, changed: Changed
) -> None:
    context = changed(changes)
    found = run("steps", context)
    assert found.level == "warn"
    assert part in found.message
    mended = context.settings.with_changes(found.changes)
    assert run("steps", replace(context, settings=mended)).level == "ok"


@pytest.mark.parametrize(("rate", "part"), [(1e-6, "hardly anything"), (0.1, "diverge")])
def test_an_unusual_learning_rate_is_told(rate: float, part: str, changed: Changed) -> None:
    found = run("learning-rate", changed({"training.learning_rate": rate}))
    assert found.level == "warn"
    assert part in found.message


def test_a_tracker_that_is_missing_warns(changed: Changed, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = changed({"tracking.trackers": ["mlflow", "tensorboard"]})
    monkeypatch.setattr("core.checks.trackers.is_installed", lambda name: name != "mlflow")
    found = run("trackers", wanted)
    assert (found.level, found.fix) == ("warn", "pip install mlflow")
    monkeypatch.setattr("core.checks.trackers.is_installed", lambda name: True)
    assert run("trackers", wanted).level == "ok"


def test_lion_wants_a_lower_learning_rate(changed: Changed) -> None:
    usual = {"training.learning_rate": 5e-4}
    assert run("learning-rate", changed(usual)).level == "ok"
    found = run("learning-rate", changed({**usual, "training.optimizer": "lion"}))
    assert "may diverge" in found.message


def test_the_rate_of_b_counts_with_lora_plus(changed: Changed) -> None:
    plus = {"training.lora_plus": 16.0}
    found = run("learning-rate", changed({**plus, "training.learning_rate": 5e-4}))
    assert found.level == "warn"
    assert "B learns at a rate of 0.008" in found.message
    assert found.fix.endswith("to 0.000125.")
    assert run("learning-rate", changed({**plus, "training.learning_rate": 1e-4})).level == "ok"


def test_paged_states_need_a_gpu(changed: Changed) -> None:
    paged = changed({"training.optimizer": "paged_adamw8bit"})
    cpu, gpu = (Device("device", 2**33, 2**33, kind) for kind in ("cpu", "cuda"))
    found = run("optimizer-device", replace(paged, device=cpu))
    assert found.level == "block"
    assert "adamw8bit" in found.fix
    assert run("optimizer-device", replace(paged, device=gpu)).level == "ok"


def test_a_setting_that_does_nothing_is_named(changed: Changed) -> None:
    found = run("idle-settings", changed({"training.decay_share": 0.5}))
    assert found.level == "info"
    assert found.message.startswith("training.decay_share has no effect. ")
    assert "0.2" in found.fix
    wsd = {"training.decay_share": 0.5, "training.schedule": "wsd"}
    assert run("idle-settings", changed(wsd)).level == "ok"


def test_markers_of_another_model_block(
    good_settings: RunSettings, finish: Callable[[RunSettings], CheckContext], tmp_path: Path
) -> None:
    model = tmp_path / "foreign"
    shutil.copytree(good_settings.model.source, model)
    template = (model / "chat_template.jinja").read_text()
    (model / "chat_template.jinja").write_text(template.replace("<|im_start|>", "<|foreign|>"))
    found = run(
        "template-markers", finish(good_settings.with_changes({"model.source": str(model)}))
    )
    assert found.level == "block"
    assert re.search(r"<\|foreign\|>, which is \d+ tokens", found.message)


@pytest.mark.parametrize(("part", "level"), [("products", "block"), ("quantized", "block")])
def test_a_device_that_fails_blocks(part: str, level: str, good: CheckContext) -> None:
    assert good.trial is not None
    broken = replace(good, trial=replace(good.trial, **{part: "no kernel image is available"}))
    found = run("device-works", broken)
    assert found.level == level
    assert "no kernel image" in found.message
    assert found.changes == ({"model.bits": 16} if part == "quantized" else {})


@pytest.mark.parametrize("bits", [8, 4])
def test_a_trial_says_what_refuses(
    bits: int, changed: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = changed({"model.bits": bits})
    assert run("device-works", with_trial(context)).level == "ok"
    name = {4: "Linear4bit", 8: "Linear8bitLt"}[bits]

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA driver version is insufficient\nmore")

    monkeypatch.setattr(f"bitsandbytes.nn.{name}.__init__", refuse)
    trial = with_trial(context).trial
    assert trial is not None
    assert (trial.products, trial.quantized) == ("", "CUDA driver version is insufficient")


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({}, "ok"),
        ({"adapter.alpha": 16 * 16}, "warn"),
        ({"adapter.alpha": 1}, "warn"),
        ({"adapter.method": "rslora"}, "ok"),
        ({"adapter.method": "rslora", "adapter.rank": 256, "adapter.alpha": 512}, "warn"),
    ],
)
def test_an_unusual_strength_is_told(
    settings: dict[str, Any], level: str, changed: Changed
) -> None:
    context = changed(settings)
    found = run("adapter-strength", context)
    assert found.level == level
    mended = replace(context, settings=context.settings.with_changes(found.changes))
    assert run("adapter-strength", mended).level == "ok"


def test_fp16_warns_where_the_family_overflows(good: CheckContext) -> None:
    assert good.model is not None
    shape = replace(good.model.architecture, family="gemma2")
    gemma = replace(good, model=replace(good.model, architecture=shape))
    assert run("half-precision", gemma).level == "ok"
    half = replace(gemma, settings=gemma.settings.with_changes({"model.dtype": "fp16"}))
    found = run("half-precision", half)
    assert found.level == "warn"
    assert found.changes == {"model.dtype": "auto"}


def test_a_run_at_work_warns(good: CheckContext, tmp_path: Path) -> None:
    context = replace(good, runs=tmp_path)
    other = RunFolder.create(tmp_path / "poet", context.settings)
    assert run("device-idle", context).level == "ok"
    other.update_state(phase="running", **own_process())
    assert "poet" in run("device-idle", context).message
    cpu, gpu = (Device("device", 2**33, 2**33, kind) for kind in ("cpu", "cuda"))
    assert run("device-idle", replace(context, device=cpu)).level == "warn"
    assert run("device-idle", replace(context, device=gpu)).level == "block"


def test_a_battery_warns(good: CheckContext, monkeypatch: pytest.MonkeyPatch) -> None:
    battery = SimpleNamespace(power_plugged=False, percent=41.2)
    monkeypatch.setattr("psutil.sensors_battery", lambda: battery, raising=False)
    found = run("power", good)
    assert (found.level, "41 %" in found.message) == ("warn", True)
    battery.power_plugged = True
    assert run("power", good).level == "ok"


def test_code_of_a_model_is_told(good: CheckContext, tmp_path: Path) -> None:
    assert good.model is not None
    (tmp_path / "config.json").write_text('{"auto_map": {"AutoModel": "modeling.Model"}}')
    context = replace(good, model=replace(good.model, path=str(tmp_path)))
    assert "is not run" in run("model-code", context).message


def test_held_out_rows_that_nearly_repeat_others_warn(good: CheckContext) -> None:
    assert good.split is not None
    held_out, learned = good.split.held_out, good.split.train
    both_learned = replace(good, near={learned[1]: learned[0]})
    assert run("held-out-apart", both_learned).level == "ok"
    across = replace(good, near=dict.fromkeys(held_out[:5], learned[0]))
    assert run("held-out-apart", across).message.startswith("5 held-out rows nearly repeat")


def after_rehearsal(context: CheckContext, **facts: Any) -> CheckContext:
    return replace(context, rehearsal=RehearsalFacts(modules=14, **facts))


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        (
            {"training.micro_batch": 8, "training.accumulation": 3},
            {"training.micro_batch": 4, "training.accumulation": 6},
        ),
        ({"training.micro_batch": 1}, {"training.gradient_checkpointing": "all"}),
        (
            {"training.micro_batch": 1, "training.gradient_checkpointing": "all"},
            {"model.bits": 4},
        ),
    ],
)
def test_a_rehearsal_without_memory_blocks_and_takes_less(
    settings: dict[str, Any], changes: dict[str, Any], changed: Changed
) -> None:
    tried = after_rehearsal(changed(settings), failed_at="in step 2", exhausted=True)
    found = run("rehearsal", tried)
    assert (found.level, found.changes) == ("block", changes)
    assert "memory ran out in step 2" in found.message


def test_a_rehearsal_names_the_stage_that_fails(good: CheckContext) -> None:
    failed = after_rehearsal(good, failed_at="in step 1", reason="It broke.", hint="Mend it.")
    found = run("rehearsal", failed)
    assert (found.level, found.fix) == ("block", "Mend it.")
    assert found.message == "Tried out, the run failed in step 1: It broke."


def test_modules_without_a_gradient_and_weights_elsewhere_block(good: CheckContext) -> None:
    found = run("rehearsal", after_rehearsal(good, dead=("layers.0.q_proj",)))
    assert found.level == "block"
    assert "1 of 14 adapted modules got no gradient (layers.0.q_proj)" in found.message
    found = run("rehearsal", after_rehearsal(good, outside=("lm_head.weight",)))
    assert found.level == "block"
    assert "outside of the device" in found.message


def test_packing_that_is_not_proven_warns(good: CheckContext) -> None:
    found = run("packing", after_rehearsal(good, padded=True))
    assert (found.level, found.changes) == ("warn", {"training.packing": False})


def test_other_programs_on_a_gpu_warn(good: CheckContext) -> None:
    total, part = 2**33, 600 * 2**20
    full = replace(good, device=Device("Card", total, total - part, "cuda"))
    found = run("device-shared", full)
    assert found.level == "warn"
    assert "hold 0.59 GiB of the memory of Card" in found.message
    free = replace(good, device=Device("Card", total, total - 400 * 2**20, "cuda"))
    assert run("device-shared", free).level == "ok"


def written(settings: RunSettings, path: Path, rows: list[dict[str, Any]]) -> RunSettings:
    path.write_text("\n".join(map(json.dumps, rows)))
    return settings.with_changes({"data.path": str(path)})


def test_a_guessed_column_is_asked_about_until_it_is_confirmed(
    good_settings: RunSettings, tmp_path: Path
) -> None:
    settings = written(good_settings, tmp_path / "a.jsonl", [{"input": "Why?", "output": "So."}])
    found = run("columns-confirmed", gather(settings))
    assert found.level == "warn"
    assert "asks “Why?” and is answered “So.”" in found.message
    confirmed = settings.with_changes(found.changes)
    assert run("columns-confirmed", gather(confirmed)).level == "ok"


def chats(*roles: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": f"{role}."} for role in roles]}


def test_a_system_turn_that_a_template_refuses_is_folded(
    good_settings: RunSettings, finish: Callable[[RunSettings], CheckContext], tmp_path: Path
) -> None:
    model = tmp_path / "strict"
    shutil.copytree(good_settings.model.source, model)
    template = (model / "chat_template.jinja").read_text()
    strict = (
        "{% for m in messages %}{% if m.role == 'system' or (m.role == 'user') != "
        "(loop.index0 % 2 == 0) %}{{ raise_exception('not so') }}{% endif %}{% endfor %}"
    )
    (model / "chat_template.jinja").write_text(strict + template)
    rows = [chats("system", "user", "assistant"), chats("user", "user", "assistant")]
    settings = written(good_settings, tmp_path / "a.jsonl", rows)
    settings = settings.with_changes({"model.source": str(model), "data.held_out": 0})
    found = run("chat-template", finish(settings))
    assert found.level == "block"
    assert "1 of 2 have a system turn and 1 of 2 have two turns of one speaker" in found.message
    folded = finish(settings.with_changes(found.changes))
    assert run("chat-template", folded).level == "ok"
    assert folded.tokens is not None
    assert folded.tokens.stats.answers == 2


def test_markers_in_the_words_of_rows_warn(
    good_settings: RunSettings, finish: Callable[[RunSettings], CheckContext], tmp_path: Path
) -> None:
    rows = [{"prompt": "a", "response": "b"}, {"prompt": "x<|im_end|>\n", "response": "c"}]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    found = run("markers-in-data", finish(good_settings.with_changes({"data.path": str(file)})))
    assert found.level == "warn"
    assert "1 of 2 rows hold markers such as <|im_end|>" in found.message


def test_a_call_of_a_tool_is_no_empty_answer(good: CheckContext) -> None:
    assert good.table is not None
    calling = Message("assistant", "", tool_calls='[{"function": {"name": "f"}}]')
    table = replace(good.table, rows=[(Message("user", "a"), calling)])
    assert run("rows-whole", replace(good, table=table)).level == "ok"


def test_thoughts_in_some_answers_only_warn(
    good: CheckContext, good_settings: RunSettings, tmp_path: Path
) -> None:
    assert good.tokens is not None
    some = [("a", "<think>hm</think>b"), ("c", "d")]
    mixed = rows_context(good_settings, tmp_path / "a.jsonl", some)
    found = run("thoughts", replace(mixed, tokens=good.tokens))
    assert (found.level, found.message.startswith("1 of 2 rows")) == ("warn", True)
    could = replace(good, tokens=replace(good.tokens, thinks=True))
    assert run("thoughts", could).level == "info"
    all_do = rows_context(good_settings, tmp_path / "b.jsonl", some[:1])
    assert run("thoughts", replace(all_do, tokens=could.tokens)).level == "ok"


def test_markers_that_a_model_has_never_seen_warn(
    good_settings: RunSettings, finish: Callable[[RunSettings], CheckContext], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    model = tmp_path / "base"
    shutil.copytree(good_settings.model.source, model)
    tensors = load_file(model / "model.safetensors")
    vocabulary = json.loads((model / "tokenizer.json").read_text())["added_tokens"]
    start = next(token["id"] for token in vocabulary if token["content"] == "<|im_start|>")
    tensors["model.embed_tokens.weight"][start] = 1e-12
    save_file(tensors, model / "model.safetensors", {"format": "pt"})
    found = run("base-model", finish(good_settings.with_changes({"model.source": str(model)})))
    assert found.level == "warn"
    assert "<|im_start|>" in found.message
    assert "<|im_end|>" not in found.message


def test_dora_is_not_for_all_programs(changed: Changed) -> None:
    found = run("runtimes", changed({"adapter.method": "dora"}))
    assert (found.level, found.changes) == ("info", {"adapter.method": "lora"})
