"""Every list of changes fits, gains with each change, and holds none that is not needed."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from core.memory import plan_memory
from core.memory.cards import CARDS
from core.memory.devices import Device
from core.memory.make_it_fit import Fit, make_it_fit
from core.memory.proposals import Case, Change
from core.memory.savings import eight_bit_optimizer, fewer_layers, lower_rank
from core.memory.spare import room_to_spare
from core.memory.verdict import judge
from core.memory.workload import Known
from core.models.info import ModelInfo
from core.models.targets import resolve
from core.settings import RunSettings
from tests.core.memory.memory_shapes import LLAMA_65B, SMOLLM2, llama, model

GIB = 2**30
LLAMA, SMOL = model(llama()), model(SMOLLM2)
MODELS = {
    "smollm2": SMOL,
    "llama-8b": LLAMA,
    "llama-65b": model(LLAMA_65B),
    "mixtral, 2 layers": model(llama(vocab_size=32_000, layers=2, experts=8, experts_per_token=2)),
}
LENGTHS = [*range(20, 900, 4), 1500, 2000]
"""222 rows, of which two are far longer than all others."""
SETTINGS: dict[str, dict[str, Any]] = {
    "as they come": {},
    "long rows": {"data.max_length": 2048},
    "six rows, twice": {
        "training.micro_batch": 6,
        "training.accumulation": 2,
        "data.max_length": 1024,
    },
    "checkpointed": {"training.gradient_checkpointing": "all", "data.max_length": 2048},
    "auto": {"training.gradient_checkpointing": "auto", "data.max_length": 2048},
    "lion, high rank": {"training.optimizer": "lion", "adapter.rank": 256},
    "dora, some layers": {"adapter.method": "dora", "adapter.targets": ("q_proj@1", "o_proj")},
    "qlora": {"model.bits": 4, "model.double_quant": False, "training.packing": False},
}
HARM = (
    "training.micro_batch",
    "training.optimizer",
    "training.gradient_checkpointing",
    "data.max_length",
    "model.bits",
    "adapter.rank",
    "adapter.targets",
)


def card(gib: float) -> Device:
    return Device("Card", round(gib * GIB), round(gib * GIB), "card")


def cpu(gib: float) -> Device:
    return Device("This computer (CPU)", round(2 * gib * GIB), round(gib * GIB), "cpu")


def case(info: ModelInfo, device: Device, *, rows: bool = True, **changes: Any) -> Case:
    settings = RunSettings().with_changes(changes)
    if not rows:
        return Case(info, settings, device)
    limit = settings.data.max_length
    return Case(info, settings, device, LENGTHS, [min(n, limit) // 2 for n in LENGTHS])


def answer(made: Case, settings: RunSettings) -> str:
    """Judge without the help of the code under test."""
    known = Known.of_rows(made.lengths, made.trained, settings)
    return judge(plan_memory(made.info, settings, device=made.device, known=known), made.device)


def with_all(made: Case, changes: tuple[Change, ...]) -> RunSettings:
    return made.settings.with_changes({k: v for c in changes for k, v in c.settings.items()})


def effective_batch(settings: RunSettings) -> int:
    return settings.training.micro_batch * settings.training.accumulation


@pytest.mark.parametrize(
    "device",
    [card(8), card(24), card(80), cpu(6)],
    ids=lambda d: f"{d.kind} {d.free_bytes / GIB:g}",
)
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", MODELS)
def test_every_list_fits_and_every_change_is_needed(
    name: str, settings: str, device: Device
) -> None:
    made = case(MODELS[name], device, **SETTINGS[settings])
    fit = make_it_fit(made)
    if fit.changes:
        check_list(made, fit)
    elif fit.answer != "fits":
        check_that_nothing_helps(made, fit)
    else:
        check_spare(made)


def check_list(made: Case, fit: Fit) -> None:
    before = answer(made, made.settings)
    goal = {"fits"} if fit.answer == "fits" else {"fits", "tight"}
    assert before not in goal
    after = with_all(made, fit.changes)
    assert answer(made, after) == fit.answer
    assert fit.answer in goal
    assert effective_batch(after) == effective_batch(made.settings)
    assert all(change.gain_bytes > 0 for change in fit.changes)
    known = Known.of_rows(made.lengths, made.trained, made.settings)
    peak = plan_memory(made.info, made.settings, device=made.device, known=known).peak_bytes
    last = fit.changes[-1].plan.peak_bytes
    assert sum(change.gain_bytes for change in fit.changes) == peak - last
    keys = [key for change in fit.changes for key in change.settings if key in HARM]
    assert keys == sorted(keys, key=HARM.index)
    for left_out in fit.changes:
        others = tuple(change for change in fit.changes if change is not left_out)
        assert answer(made, with_all(made, others)) not in goal


def check_that_nothing_helps(made: Case, fit: Fit) -> None:
    """Compare with everything at its smallest, in all combinations of what is not plainly less."""
    before = answer(made, made.settings)
    assert before == fit.answer
    for settings in smallest(made):
        found = answer(made, settings)
        assert found != "fits"
        assert found == "does not fit" or before == "tight"


def smallest(made: Case) -> list[RunSettings]:
    grid = made.info.grid
    names = resolve(made.settings.adapter.targets, grid)
    layers = sorted({grid.by_name[name].layer for name in names})
    first = layers[-max(1, round(0.25 * len(layers)))]
    upper = tuple(name for name in names if grid.by_name[name].layer >= first)
    rows = effective_batch(made.settings)
    usual = {
        "training.micro_batch": 1,
        "training.accumulation": rows,
        "data.max_length": min(made.settings.data.max_length, 832),
    }
    if made.settings.training.optimizer == "adamw":
        usual["training.optimizer"] = "adamw8bit"
    rank = min(4, made.settings.adapter.model_dump()["rank"])
    bits = [
        (b, d)
        for b, d in ((16, False), (8, False), (4, False), (4, True))
        if b <= made.settings.model.bits
    ]
    return [
        made.settings.with_changes(
            {
                **usual,
                "model.bits": b,
                "model.double_quant": d,
                "training.gradient_checkpointing": blocks,
                "adapter.targets": targets,
                "adapter.rank": rank,
            }
        )
        for (b, d), blocks, targets in product(
            bits, ("all", max(1, len(layers) - 1)), (names, upper)
        )
    ]


def check_spare(made: Case) -> None:
    changes = room_to_spare(made)
    after = with_all(made, changes)
    assert answer(made, after) == "fits"
    assert effective_batch(after) == effective_batch(made.settings)
    assert all(change.settings for change in changes)


# -- what is proposed -----------------------------------------------------------------------


def words(fit: Fit) -> list[str]:
    return [change.words for change in fit.changes]


def test_a_smaller_micro_batch_comes_first_and_no_smaller_than_it_must() -> None:
    made = case(LLAMA, card(48), **{"data.max_length": 1024, "training.micro_batch": 8})
    fit = make_it_fit(made)
    size = fit.changes[0].settings["training.micro_batch"]
    assert words(fit) == [f"Micro-batch 8 → {size}, accumulation 1 → {8 // size}"]
    twice = made.settings.with_changes({"training.micro_batch": 2 * size})
    assert answer(made, twice) != "fits"


def test_only_divisors_of_the_effective_batch_are_micro_batches() -> None:
    made = case(LLAMA, card(24), **{"training.micro_batch": 15, "data.max_length": 2048})
    change = make_it_fit(made).changes[0]
    size, times = (change.settings[f"training.{key}"] for key in ("micro_batch", "accumulation"))
    assert size in (5, 3, 1)
    assert size * times == 15


def test_the_number_of_checkpointed_blocks_is_just_enough() -> None:
    usual = {"training.micro_batch": 1, "training.optimizer": "adamw8bit", "data.max_length": 2048}
    made = case(LLAMA, card(22), rows=False, **usual)
    fit = make_it_fit(made)
    (change,) = fit.changes
    count = change.settings["training.gradient_checkpointing"]
    assert 1 < count < 31
    assert change.words == f"Gradient checkpointing off → {count} of 32 blocks"
    one_less = made.settings.with_changes({"training.gradient_checkpointing": count - 1})
    assert answer(made, one_less) != "fits"
    assert change.factor == pytest.approx(1 + count / 64)  # forward through 32, backward through 32
    assert f"up to {100 * count / 64:.0f} % more work" in change.cost


def test_cut_rows_are_counted() -> None:
    usual = {"training.micro_batch": 1, "training.optimizer": "sgd", "data.max_length": 2048}
    checkpointed = {**usual, "training.gradient_checkpointing": "all"}
    peaks = [case(LLAMA, card(80), **checkpointed | {"data.max_length": n}) for n in (2048, 896)]
    long, short = (each.plan(each.settings) for each in peaks)
    between = (long.peak_bytes + short.peak_bytes) / 2 / 0.87
    fit = make_it_fit(case(LLAMA, card(between / GIB), **checkpointed))
    (change,) = fit.changes
    length = change.settings["data.max_length"]
    cut = sum(n > length for n in LENGTHS)
    assert change.cost == f"{cut} of 222 rows lose tokens at their end."


def test_rows_that_nobody_has_counted_are_not_cut() -> None:
    for size in (3, 6, 12, 16):
        fit = make_it_fit(case(LLAMA, card(size), rows=False, **{"data.max_length": 4096}))
        assert not any("data.max_length" in change.settings for change in fit.changes)


@pytest.mark.parametrize(("method", "alpha"), [("lora", 2.0), ("dora", 2.0), ("rslora", 8.0)])
def test_a_lower_rank_keeps_the_scale(method: str, alpha: float) -> None:
    usual = {"adapter.method": method, "adapter.rank": 256, "adapter.alpha": 32.0}
    made = case(SMOL, card(80), **usual)
    steps = {step.settings["adapter.rank"]: step for step in lower_rank(made, made.settings)}
    assert list(steps) == [128, 64, 32, 16, 8, 4]
    assert steps[16].settings["adapter.alpha"] == pytest.approx(alpha)  # 32/16, or 32·√(1/16)


def test_upper_layers_are_kept_and_their_kinds() -> None:
    made = case(LLAMA, card(80), **{"adapter.targets": ("q_proj@8-31", "down_proj@16-31")})
    targets = [step.settings["adapter.targets"] for step in fewer_layers(made, made.settings)]
    assert targets == [
        ("q_proj@14-31", "down_proj@16-31"),
        ("q_proj@20-31", "down_proj@20-31"),
        ("q_proj@26-31", "down_proj@26-31"),
    ]


def test_apple_has_no_8_bit_optimizer() -> None:
    apple = next(device for device in CARDS if device.name.startswith("Apple"))
    steps = [eight_bit_optimizer(case(SMOL, device), RunSettings()) for device in (apple, card(8))]
    assert [len(found) for found in steps] == [0, 1]


def test_where_nothing_helps_it_says_why_and_on_which_card_it_would() -> None:
    too_large = make_it_fit(case(model(LLAMA_65B), card(24)))
    assert (too_large.changes, too_large.failure) == ((), "weights")
    assert too_large.card is not None
    assert too_large.card.total_bytes == 48 * GIB  # 34.7 GiB and a reserve of 13 %
    rows = {"training.packing": False, "model.attention": "eager", "data.max_length": 16384}
    too_much = make_it_fit(case(LLAMA, card(8), rows=False, **rows))
    assert (too_much.changes, too_much.failure) == ((), "settings")
    assert too_much.least_bytes > 8 * GIB
    assert too_much.card is not None


def test_a_run_that_cannot_have_the_reserve_is_made_to_fit_barely() -> None:
    least = make_it_fit(case(LLAMA, card(1))).least_bytes
    made = case(LLAMA, card(1.05 * least / GIB))
    barely = make_it_fit(made)
    assert barely.answer == "tight"
    assert barely.changes
    # What is tight is not changed any further where that does not make it roomy.
    again = make_it_fit(replace(made, settings=with_all(made, barely.changes)))
    assert (again.answer, again.changes) == ("tight", ())


# -- room to spare --------------------------------------------------------------------------


def test_room_buys_whole_weights_less_checkpointing_and_larger_micro_batches() -> None:
    usual = {
        "model.bits": 4,
        "training.gradient_checkpointing": "all",
        "training.micro_batch": 1,
        "training.accumulation": 16,
    }
    roomy = room_to_spare(case(SMOL, card(80), **usual))
    assert [change.words for change in roomy] == [
        "QLoRA 4-bit → LoRA 16-bit",
        "Gradient checkpointing all → off",
        "Micro-batch 1 → 16, accumulation 16 → 1",
    ]
    assert all(change.gain_bytes < 0 for change in roomy)
    assert roomy[1].factor == pytest.approx(60 / 90)  # 30 blocks forward and backward, not again


def test_room_for_some_buys_some() -> None:
    usual = {
        "training.gradient_checkpointing": "all",
        "data.max_length": 2048,
        "training.micro_batch": 1,
    }
    made = case(LLAMA, card(24), **usual)
    (change,) = room_to_spare(made)
    count = change.settings["training.gradient_checkpointing"]
    assert 0 < count < 31
    one_less = made.settings.with_changes({"training.gradient_checkpointing": count - 1})
    assert answer(made, one_less) != "fits"


def test_without_room_nothing_is_proposed() -> None:
    assert room_to_spare(case(LLAMA, card(12))) == ()
    assert room_to_spare(case(SMOL, card(80))) == ()
